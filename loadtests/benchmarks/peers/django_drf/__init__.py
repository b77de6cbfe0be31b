"""The two routes on Django and Django REST framework."""
