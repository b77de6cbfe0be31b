"""Documents of benefits, services, providers and venues: their schema, and the versions in force."""
