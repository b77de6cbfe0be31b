"""Simulations and weekly figures over a frozen population."""
