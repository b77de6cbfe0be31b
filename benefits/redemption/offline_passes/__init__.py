"""Offline passes in the service: issued, published as ended, redeemed. Their format is `benefits.passes`.

- `issuance`: a resident takes passes; old ones are deleted. `resident_passes`: those that can be used, and their stop.
- `redeem_pass`: a venue shows or uploads a pass, of this city here, of another city by `recognised_passes`.
- `reported_use`: the report of a venue and its result, as types. `redemption_rows`: the stored redemption of a pass.
- `status_lists`: the signed lists of ended passes. `status_list_steps`: their numbers, steps and decoy bits.
- `wallet_requests`: a venue asks for a pass in a wallet, by OpenID for Verifiable Presentations.
"""
