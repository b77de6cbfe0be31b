"""Access tokens, the issuers' key sets, key files and the demonstration issuer."""
