"""Attacks of OWASP's API Security Top 10 (2023) and ASVS 5 over HTTP; docs/security.md lists them."""
