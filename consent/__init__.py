"""Consents, records and the proofs of both: notices, consents, account links, records and their gate, events, logs."""
