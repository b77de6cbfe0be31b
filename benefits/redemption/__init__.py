"""Tickets, quotas and redemptions at a venue."""
