"""API of an administrator: `/v1/admin`."""
