-- The consent room. Written for PostgreSQL; on SQLite the runner spells BYTEA as BLOB and nothing else differs.
CREATE TABLE person (
  person_id TEXT NOT NULL PRIMARY KEY,
  epoch BIGINT NOT NULL,
  events BIGINT NOT NULL,
  last_leaf TEXT NOT NULL,
  wrapped_key BYTEA NOT NULL,
  sealed_subject BYTEA NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE TABLE subject (
  subject_index TEXT NOT NULL PRIMARY KEY,
  person_id TEXT NOT NULL
);
CREATE TABLE presentation (
  person_id TEXT NOT NULL,
  presentation_id TEXT NOT NULL,
  purpose TEXT NOT NULL,
  counterpart TEXT NOT NULL,
  notice_id TEXT NOT NULL,
  notice_version INTEGER NOT NULL,
  notice_sha256 TEXT NOT NULL,
  body_sha256 TEXT NOT NULL,
  language TEXT NOT NULL,
  account_index TEXT,
  sealed_account BYTEA,
  shown_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  answered_at BIGINT,
  PRIMARY KEY (person_id, presentation_id)
);
CREATE TABLE consent (
  person_id TEXT NOT NULL,
  consent_id TEXT NOT NULL,
  purpose TEXT NOT NULL CHECK (purpose IN ('points.compute', 'benefit.check')),
  counterpart TEXT NOT NULL,
  notice_id TEXT NOT NULL,
  notice_version INTEGER NOT NULL,
  notice_sha256 TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('given', 'refused', 'withdrawn', 'expired', 'terminated')),
  given_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  ended_at BIGINT,
  previous_id TEXT,
  PRIMARY KEY (person_id, consent_id)
);
CREATE UNIQUE INDEX consent_one_live ON consent (person_id, purpose, counterpart) WHERE state = 'given';
CREATE INDEX consent_expiring ON consent (expires_at) WHERE state = 'given';
CREATE TABLE event (
  person_id TEXT NOT NULL,
  number BIGINT NOT NULL,
  leaf_hash TEXT NOT NULL,
  kind TEXT NOT NULL,
  at BIGINT NOT NULL,
  sealed BYTEA NOT NULL,
  PRIMARY KEY (person_id, number)
);
CREATE TABLE outbox (
  leaf_hash TEXT NOT NULL PRIMARY KEY,
  leaf TEXT NOT NULL
);
CREATE TABLE refused_attempt (
  attempt_id TEXT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  door TEXT NOT NULL,
  actor TEXT NOT NULL,
  code TEXT NOT NULL,
  what TEXT NOT NULL
);
CREATE TABLE account_link (
  person_id TEXT NOT NULL,
  link_id TEXT NOT NULL,
  consent_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  account_index TEXT NOT NULL,
  sealed_account BYTEA NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'confirmed', 'ended')),
  since BIGINT NOT NULL,
  acknowledged_at BIGINT,
  PRIMARY KEY (person_id, link_id)
);
CREATE INDEX account_link_feed ON account_link (source_id, state, since, link_id);
CREATE TABLE link_code (
  code_index TEXT NOT NULL PRIMARY KEY,
  source_id TEXT NOT NULL,
  account_index TEXT NOT NULL,
  person_id TEXT NOT NULL,
  link_id TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE TABLE linked_account (
  source_id TEXT NOT NULL,
  account_index TEXT NOT NULL,
  person_id TEXT NOT NULL,
  link_id TEXT NOT NULL,
  PRIMARY KEY (source_id, account_index)
);
CREATE TABLE link_review (
  review_id TEXT NOT NULL PRIMARY KEY,
  source_id TEXT NOT NULL,
  standing_link_id TEXT NOT NULL,
  claiming_link_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'decided')),
  opened_at BIGINT NOT NULL
);
CREATE TABLE record (
  person_id TEXT NOT NULL,
  record_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  source_record_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('bike_trip', 'transit_trip', 'volunteer_minutes', 'community_meeting', 'eco_course', 'tree_planted', 'green_shop_month')),
  quantity INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
  occurred_on INTEGER NOT NULL,
  received_at BIGINT NOT NULL,
  PRIMARY KEY (person_id, record_id)
);
CREATE INDEX record_of_source ON record (person_id, source_id);
CREATE TABLE record_key (
  source_id TEXT NOT NULL,
  source_record_id TEXT NOT NULL,
  person_id TEXT NOT NULL,
  record_id TEXT NOT NULL,
  PRIMARY KEY (source_id, source_record_id)
);
CREATE INDEX record_key_of_person ON record_key (person_id, source_id);
CREATE TABLE message (
  person_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  at BIGINT NOT NULL,
  sealed BYTEA NOT NULL,
  PRIMARY KEY (person_id, message_id)
);
CREATE TABLE objection (
  person_id TEXT NOT NULL,
  objection_id TEXT NOT NULL,
  record_id TEXT,
  source_id TEXT,
  reason_code TEXT NOT NULL,
  sealed_statement BYTEA NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'upheld', 'rejected', 'corrected')),
  opened_at BIGINT NOT NULL,
  decide_by INTEGER NOT NULL,
  PRIMARY KEY (person_id, objection_id)
);
CREATE TABLE document (
  kind TEXT NOT NULL CHECK (kind IN ('providers', 'venues', 'sources', 'services', 'benefits', 'schemes', 'notices')),
  document_id TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (version > 0),
  state TEXT NOT NULL CHECK (state IN ('draft', 'in_review', 'submitted', 'approved', 'suspended', 'retired')),
  sha256 TEXT NOT NULL,
  body TEXT NOT NULL,
  in_force_from BIGINT,
  ended_at BIGINT,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (kind, document_id, version)
);
CREATE INDEX document_by_hash ON document (sha256);
CREATE TABLE document_step (
  kind TEXT NOT NULL,
  document_id TEXT NOT NULL,
  version INTEGER NOT NULL,
  number INTEGER NOT NULL,
  act TEXT NOT NULL,
  staff_id TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (kind, document_id, version, number)
);
