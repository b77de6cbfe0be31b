"""The production server process."""
