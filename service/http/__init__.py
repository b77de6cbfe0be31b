"""HTTP plumbing: context, endpoints, middleware, JSON, problems, OpenAPI, rate limits."""
