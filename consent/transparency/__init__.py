"""The two transparency logs: Merkle trees, tiles, signed checkpoints and the sequencer that publishes them."""
