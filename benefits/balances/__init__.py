"""Stored point balances and their batch recomputation."""
