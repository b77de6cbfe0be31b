"""The pages: clients of the API in the same process, in two languages."""
