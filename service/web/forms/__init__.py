"""Forms of catalogue documents: fields, parsing, and documents in words."""
