"""HTTP API, pages and command line for residents, venues, data sources, administrators, officers and the public."""
