-- What privacy officers decide and look at: cases, decisions with their reasons, and a leaf for every look.
ALTER TABLE objection ADD COLUMN acknowledged_at BIGINT;
ALTER TABLE objection ADD COLUMN decided_at BIGINT;
ALTER TABLE objection ADD COLUMN decided_by TEXT;
ALTER TABLE objection ADD COLUMN sealed_decision BYTEA;
CREATE INDEX objection_open ON objection (decide_by, objection_id) WHERE state = 'open';
ALTER TABLE link_review ADD COLUMN decision TEXT CHECK (decision IN ('approve', 'refuse'));
ALTER TABLE link_review ADD COLUMN reason TEXT;
ALTER TABLE link_review ADD COLUMN decided_at BIGINT;
ALTER TABLE link_review ADD COLUMN decided_by TEXT;
CREATE TABLE officer_case (
  case_id TEXT NOT NULL PRIMARY KEY,
  staff_id TEXT NOT NULL,
  reason_code TEXT NOT NULL,
  text TEXT NOT NULL,
  opened_at BIGINT NOT NULL
);
CREATE TABLE oversight (
  look_id TEXT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  staff_id TEXT NOT NULL,
  case_id TEXT,
  what TEXT NOT NULL,
  leaf_hash TEXT NOT NULL,
  salt TEXT NOT NULL
);
CREATE INDEX oversight_by_leaf ON oversight (leaf_hash);
CREATE INDEX consent_by_id ON consent (consent_id);
