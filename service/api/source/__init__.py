"""API of a data source: `/v1/source`."""
