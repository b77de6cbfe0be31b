"""The checks before a catalogue document is published, and the lifecycle calls of an administrator."""
