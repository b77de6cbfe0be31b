"""LiveBenefit, service and provider documents: their schema, and the versions in force."""
