"""Translations and number and date formats of the pages."""
