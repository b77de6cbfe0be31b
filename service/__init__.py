"""Who is asking: tokens, doors, wire formats, the command line."""
