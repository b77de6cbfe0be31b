"""Small pure helpers for every other sub-package: errors, faults, canonical JSON, working days, atomic files."""
