"""Points from records by the scoring scheme: in Python and as a set-based SQL statement. Pure."""
