-- Every row is sealed: the clear record ids go. The table of keys is replaced, because its key was a clear id.
CREATE TABLE record_index (
  source_id TEXT NOT NULL,
  source_record_index TEXT NOT NULL,
  person_id TEXT NOT NULL,
  record_id TEXT NOT NULL
);
INSERT INTO record_index SELECT source_id, source_record_index, person_id, record_id FROM record_key;
ALTER TABLE record_index ADD PRIMARY KEY (source_id, source_record_index);
CREATE INDEX record_index_of_person ON record_index (person_id, source_id);
DROP TABLE record_key;
ALTER TABLE record DROP COLUMN source_record_id;
ALTER TABLE record ALTER COLUMN sealed_source_record_id DROP DEFAULT;
ALTER TABLE correction DROP COLUMN source_record_id;
ALTER TABLE correction ALTER COLUMN sealed_source_record_id DROP DEFAULT;
