"""The privacy officer's work: cases, samples, reviews, objections; suspended staff."""
