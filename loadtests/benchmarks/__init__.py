"""Benchmarks: each is one command, starts what it needs, and prints ratios side by side from one run."""
