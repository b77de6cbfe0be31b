"""Offline passes: their format, their status lists, and the verifier that a venue runs without the service.

Imports nothing of the other packages: the standard library and `cryptography` alone.
"""
