"""The two routes on FastAPI and asyncpg, lean: few statements, no ORM."""
