"""API of a resident about themselves: `/v1/me`."""
