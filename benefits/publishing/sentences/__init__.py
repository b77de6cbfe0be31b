"""Closed sentences: the vocabulary from which the texts of benefits are composed and by which they are recognised."""
