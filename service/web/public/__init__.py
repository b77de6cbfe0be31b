"""Pages that need no sign-in, and signing in itself."""
