"""API of a venue: `/v1/venue`."""
