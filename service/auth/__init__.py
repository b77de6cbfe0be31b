"""Access tokens, the token issuers' key sets, key files and the demonstration's token issuer."""
