"""Texts of the API in both languages: problems, findings, names."""
