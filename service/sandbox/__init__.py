"""The sandbox of the demonstration: a movable clock, tokens, forced answers, messages, a new city."""
