"""Sign-in through the city's identity provider, and sessions."""
