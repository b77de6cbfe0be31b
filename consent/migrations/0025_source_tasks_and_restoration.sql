-- The task that an upheld objection about a missing record becomes: asked of the source until a civil day, then answered
-- (without a code: delivered). What the person says the record should be is sealed. A restored record is told apart.
ALTER TABLE objection ADD COLUMN sealed_claim BYTEA;
ALTER TABLE objection ADD COLUMN asked_at BIGINT;
ALTER TABLE objection ADD COLUMN answer_by INTEGER;
ALTER TABLE objection ADD COLUMN answered_at BIGINT;
ALTER TABLE objection ADD COLUMN answer_code TEXT;
ALTER TABLE objection ADD COLUMN restored_at BIGINT;
CREATE INDEX objection_task ON objection (source_id, answer_by) WHERE asked_at IS NOT NULL AND answered_at IS NULL;
-- Copies of records as they were before a change that may leave fewer points, sealed under the person's key, so that an
-- officer can restore them while the person may object.
CREATE TABLE replaced_record (
  person_id TEXT NOT NULL,
  change_id TEXT NOT NULL,
  record_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  change TEXT NOT NULL CHECK (change IN ('corrected', 'retracted')),
  decided_by TEXT NOT NULL CHECK (decided_by IN ('source', 'officer')),
  changed_at BIGINT NOT NULL,
  sealed BYTEA NOT NULL,
  restored_at BIGINT,
  PRIMARY KEY (person_id, change_id)
);
CREATE INDEX replaced_record_by_record ON replaced_record (record_id);
CREATE INDEX replaced_record_to_drop ON replaced_record (changed_at);
-- Such changes by source and civil day, without persons: an unusual number is shown to officers.
CREATE TABLE source_change (
  source_id TEXT NOT NULL,
  day INTEGER NOT NULL,
  change TEXT NOT NULL CHECK (change IN ('corrected', 'retracted')),
  decided_by TEXT NOT NULL CHECK (decided_by IN ('source', 'officer')),
  changes BIGINT NOT NULL,
  PRIMARY KEY (source_id, day, change, decided_by)
);
-- 1 where an officer's decision brought a record back: the source hears the values that it has again.
ALTER TABLE correction ADD COLUMN restored INTEGER NOT NULL DEFAULT 0;
