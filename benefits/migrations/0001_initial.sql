-- The benefits room. Written for PostgreSQL; on SQLite the runner spells BYTEA as BLOB and nothing else differs.
CREATE TABLE snapshot (
  person_id TEXT NOT NULL PRIMARY KEY,
  epoch BIGINT NOT NULL,
  scheme_version TEXT NOT NULL,
  timeline_sha256 TEXT NOT NULL,
  total INTEGER NOT NULL CHECK (total >= 0),
  dimensions TEXT NOT NULL,
  as_of INTEGER NOT NULL,
  valid_until INTEGER,
  covered_until BIGINT
);
CREATE TABLE ticket (
  handle_index TEXT NOT NULL PRIMARY KEY,
  ticket_id TEXT NOT NULL,
  person_id TEXT,
  benefit_id TEXT NOT NULL,
  benefit_version INTEGER NOT NULL,
  venue_id TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  redemption_id TEXT
);
CREATE INDEX ticket_to_cut ON ticket (issued_at) WHERE person_id IS NOT NULL;
CREATE TABLE redemption (
  redemption_id TEXT NOT NULL PRIMARY KEY,
  handle_index TEXT NOT NULL UNIQUE,
  venue_id TEXT NOT NULL,
  benefit_id TEXT NOT NULL,
  benefit_version INTEGER NOT NULL,
  day INTEGER NOT NULL,
  hour INTEGER NOT NULL CHECK (hour BETWEEN 0 AND 23),
  state TEXT NOT NULL CHECK (state IN ('redeemed', 'reversed')),
  runs_until INTEGER,
  reversal_reason TEXT
);
CREATE INDEX redemption_of_venue ON redemption (venue_id, day, redemption_id);
CREATE TABLE quota_use (
  quota_key TEXT NOT NULL PRIMARY KEY,
  taken INTEGER NOT NULL CHECK (taken >= 0),
  ends_on INTEGER NOT NULL
);
