"""Deliveries of records: batches over HTTP and file import."""
