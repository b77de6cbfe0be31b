"""Erasure, receipts, the processing register."""
