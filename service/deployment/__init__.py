"""Files with which an operator runs a city: settings, units, containers, proxies, roles, and a starter catalogue."""
