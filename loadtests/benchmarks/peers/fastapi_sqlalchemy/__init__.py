"""The two routes on FastAPI and the SQLAlchemy 2 ORM."""
