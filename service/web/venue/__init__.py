"""Pages of a venue's desk."""
