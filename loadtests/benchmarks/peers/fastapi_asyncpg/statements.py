"""SQL of the lean services, as few round trips as a transaction with row locks allows."""

from __future__ import annotations

CLOCK = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
STATE = f"{CLOCK} AS at, k.changes, (SELECT withheld FROM log_head WHERE log = 'consent') AS withheld"
BALANCE = (
    "s.total, s.dimensions, s.scheme_version, s.timeline_sha256, s.as_of, s.valid_until, s.covered_until,"
    " s.covered_from, s.person_id IS NOT NULL AS has_balance"
)

READ_STATE = f"SELECT {STATE} FROM catalogue_state k"

READ_POINTS = f"""
SELECT {STATE}, {BALANCE} FROM catalogue_state k
  LEFT JOIN subject i ON i.subject_index = $1
  LEFT JOIN person p ON p.person_id = i.person_id
  LEFT JOIN snapshot s ON s.person_id = p.person_id AND s.epoch = p.epoch
"""

CLAIM = """
INSERT INTO stored_answer (scope, caller_index, fingerprint, status, sealed_body, created_at)
VALUES ($1, $2, $3, 0, '', (extract(epoch FROM date_trunc('hour', clock_timestamp())) * 1000000)::bigint)
ON CONFLICT DO NOTHING RETURNING 1
"""

READ_ANSWER = "SELECT fingerprint, status, sealed_body FROM stored_answer WHERE scope = $1"

LOCK_TICKET = f"""
SELECT {STATE}, t.venue_id, t.benefit_id, t.redemption_id, t.expires_at AS ticket_expires_at,
       p.person_id, p.events, p.last_leaf, p.wrapped_key, p.sealed_subject,
       c.given_at, c.expires_at AS consent_expires_at, {BALANCE}
  FROM catalogue_state k
  JOIN ticket t ON t.handle_index = $1
  JOIN person p ON p.person_id = t.person_id
  LEFT JOIN consent c ON c.person_id = p.person_id AND c.purpose = 'benefit.check' AND c.counterpart = $2
   AND c.state = 'given'
  LEFT JOIN snapshot s ON s.person_id = p.person_id AND s.epoch = p.epoch
   FOR UPDATE OF t, p
"""

TAKE = """
INSERT INTO quota_use (quota_key, taken, ends_on) VALUES ($1, 1, $2)
ON CONFLICT (quota_key) DO UPDATE SET taken = quota_use.taken + 1 WHERE quota_use.taken < $3 RETURNING taken
"""

GIVE_BACK = "UPDATE quota_use SET taken = taken - 1 WHERE quota_key = $1 AND taken > 0"

_CHAIN = """
chained AS (UPDATE person SET events = $4, last_leaf = $5 WHERE person_id = $3),
appended AS (INSERT INTO event (person_id, number, leaf_hash, kind, at, sealed) VALUES ($3, $4, $5, $6, $7, $8)),
queued AS (INSERT INTO outbox (leaf_hash, leaf, log, put_at) VALUES ($5, $9, 'consent', $10))
"""
_ANSWER = "UPDATE stored_answer SET status = {status}, sealed_body = $2 WHERE scope = $1"

WRITE_YES = (
    f"WITH {_CHAIN},"
    " spent AS (UPDATE ticket SET redemption_id = $11, counters = $12 WHERE handle_index = $13),"
    " booked AS (INSERT INTO redemption (redemption_id, handle_index, venue_id, benefit_id, benefit_version, day,"
    " hour, state, runs_until) VALUES ($11, $13, $14, $15, $16, $17, $18, 'redeemed', $19)) "
    + _ANSWER.format(status=201)
)

WRITE_NO = f"WITH {_CHAIN} " + _ANSWER.format(status=200)

WRITE_NOTHING = (
    "WITH queued AS (INSERT INTO outbox (leaf_hash, leaf, log, put_at) VALUES ($3, $4, 'consent', $5)) "
    + _ANSWER.format(status=200)
)
