-- Complaints of residents about a benefit at a venue, and the officer's answer. The venue never reads the person.
CREATE TABLE complaint (
  person_id TEXT NOT NULL,
  complaint_id TEXT NOT NULL,
  provider_id TEXT NOT NULL,
  benefit_id TEXT NOT NULL,
  venue_id TEXT NOT NULL,
  reason_code TEXT NOT NULL,
  sealed_statement BYTEA,
  state TEXT NOT NULL CHECK (state IN ('open', 'answered')),
  opened_at BIGINT NOT NULL,
  answer_by INTEGER NOT NULL,
  answered_at BIGINT,
  answered_by TEXT,
  sealed_answer BYTEA,
  PRIMARY KEY (person_id, complaint_id)
);
CREATE INDEX complaint_open ON complaint (answer_by, complaint_id) WHERE state = 'open';
