"""API of a privacy officer: `/v1/privacy`."""
