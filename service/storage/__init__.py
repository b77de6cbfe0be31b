"""The database connection, its pool, stored answers and partitioning."""
