"""The rules of consents, records and objections as pure values and functions."""
