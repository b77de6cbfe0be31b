"""The demonstration city."""
