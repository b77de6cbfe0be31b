"""The OpenAPI 3.1 document of the API, made from the operations and their pydantic models. Pure."""
