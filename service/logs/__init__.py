"""Static export of the logs, and the witness that cosigns checkpoints."""
