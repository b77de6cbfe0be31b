"""Consents: notices, one-time presentation tickets, the register, account links, expiry."""
