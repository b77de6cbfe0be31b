"""Catalogue documents: their schema, versions and lifecycle from draft to retired."""
