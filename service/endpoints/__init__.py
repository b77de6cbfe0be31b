"""Every call there is: path, shapes, errors and handler, one table an audience. OpenAPI is written from these."""
