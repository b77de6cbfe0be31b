"""Rights of a person: access log, erasure, tombstones."""
