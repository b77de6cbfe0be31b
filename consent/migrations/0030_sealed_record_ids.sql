-- Sources' record ids become sealed and blind-indexed. SQL cannot compute keyed values: `migrate` fills these columns from
-- the clear ones (consent/records/seal_stored.py) before 0031 drops those. Empty means not sealed yet.
ALTER TABLE record ADD COLUMN sealed_source_record_id BYTEA NOT NULL DEFAULT '';
ALTER TABLE record_key ADD COLUMN source_record_index TEXT NOT NULL DEFAULT '';
ALTER TABLE correction ADD COLUMN sealed_source_record_id BYTEA NOT NULL DEFAULT '';
