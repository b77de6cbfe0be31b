"""Tickets, passes, quotas and redemptions at a venue."""
