-- The index key's version of each row, so that the key can be replaced, and how far its replacement has come.
ALTER TABLE subject ADD COLUMN index_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE linked_account ADD COLUMN index_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE record_index ADD COLUMN index_version INTEGER NOT NULL DEFAULT 1;
-- During a rotation an account has two rows: they are deleted by their person, not by one of the indexes.
CREATE INDEX linked_account_of_person ON linked_account (person_id, source_id);
-- The id of a retracted record is nowhere else: without it the row could not be written under another key.
ALTER TABLE record_index ADD COLUMN sealed_source_record_id BYTEA;
CREATE TABLE index_rotation (
  rotation_id INTEGER NOT NULL PRIMARY KEY CHECK (rotation_id = 1),
  oldest_version INTEGER NOT NULL,
  complete_version INTEGER NOT NULL,
  written_version INTEGER NOT NULL,
  changed_at BIGINT NOT NULL,
  CHECK (oldest_version <= complete_version AND complete_version <= written_version)
);
INSERT INTO index_rotation (rotation_id, oldest_version, complete_version, written_version, changed_at)
  VALUES (1, 1, 1, 1, 0);
-- In a table of its own: writers hold a shared lock on the row above, which the re-index must not wait for.
CREATE TABLE reindex_position (
  version INTEGER NOT NULL PRIMARY KEY,
  step TEXT NOT NULL,
  after_key TEXT NOT NULL
);
