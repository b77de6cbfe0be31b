"""Generated input for the API and for every parser; `python -m tests.fuzz` and `python -m tests.fuzz.api`."""
