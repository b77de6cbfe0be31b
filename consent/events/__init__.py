"""The append-only chain of events of each person, and the messages that people read."""
