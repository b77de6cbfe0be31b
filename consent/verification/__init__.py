"""Verification of the logs and of the rows behind them."""
