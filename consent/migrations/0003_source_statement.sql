-- The source's side of an objection, sealed under the person's key like the person's own words.
ALTER TABLE objection ADD COLUMN sealed_source_statement BYTEA;
ALTER TABLE objection ADD COLUMN stated_at BIGINT;
CREATE INDEX objection_of_source ON objection (source_id, opened_at, objection_id);
CREATE INDEX presentation_to_drop ON presentation (expires_at);
CREATE INDEX link_code_to_drop ON link_code (expires_at);
