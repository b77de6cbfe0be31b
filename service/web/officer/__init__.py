"""Pages of a privacy officer."""
