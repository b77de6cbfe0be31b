"""Delivered records: the gate that decides which may be used, intake, corrections."""
