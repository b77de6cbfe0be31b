"""Encryption of personal fields and keyed indexes over guessable values. Pure: no database, no clock."""
