"""Pages of a venue."""
