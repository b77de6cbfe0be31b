"""Calls of the city app's own back end."""
