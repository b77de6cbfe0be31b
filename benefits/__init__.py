"""Schemes, points, the catalogue of benefits and their redemption: the use of records that consent allows."""
