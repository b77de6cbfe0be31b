"""What good it brings: the scheme, points, conditions, effects, tickets, redemptions."""
