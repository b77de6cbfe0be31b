"""Services that do all of the work of the two hot routes as other teams would write them, and their measurement."""
