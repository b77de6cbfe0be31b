"""Clients that generators make from the API's description, as its developers make them."""
