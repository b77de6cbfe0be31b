"""Form fields and their parsing."""
