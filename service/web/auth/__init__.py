"""Sign-in through an identity provider, and sessions in cookies."""
