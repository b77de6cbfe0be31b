-- What a withdrawal deleted, sealed, for the day in which the person may undo it. Nothing reads it but the undo.
CREATE TABLE withdrawal_copy (
  person_id TEXT NOT NULL,
  consent_id TEXT NOT NULL,
  ended_at BIGINT NOT NULL,
  sealed BYTEA NOT NULL,
  PRIMARY KEY (person_id, consent_id)
);
CREATE INDEX withdrawal_copy_ended ON withdrawal_copy (ended_at);
