"""The format of offline passes: claims, signatures, status lists, and the verifier that venues run by themselves.

Imports nothing of the other packages: the standard library and `cryptography` alone. The service issues, ends and
redeems passes in `benefits.redemption.offline_passes`.
"""
