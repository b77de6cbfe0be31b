"""Documents on paper: PDF files that print alike on every viewer."""
