"""The JSON API, a folder for each audience."""
