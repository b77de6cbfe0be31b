"""API that needs no token: `/v1/public`, the logs, the key set."""
