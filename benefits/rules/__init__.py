"""The closed language of benefits: vocabulary, conditions, effects, lints. Pure."""
