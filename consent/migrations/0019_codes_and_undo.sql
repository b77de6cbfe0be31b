-- A pending link's code, sealed for its person's eyes; and the ended consent that a notice was shown to take up again.
ALTER TABLE link_code ADD COLUMN sealed_code BYTEA;
CREATE INDEX link_code_of_person ON link_code (person_id);
ALTER TABLE presentation ADD COLUMN previous_id TEXT;
