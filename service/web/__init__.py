"""Pages for people: server-rendered clients of the same doors that every other client uses."""
