"""Pages of a resident."""
