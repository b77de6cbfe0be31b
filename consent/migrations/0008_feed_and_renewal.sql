-- What a source must still hear of a person who is erased: the account sealed under the service's own key.
CREATE TABLE farewell (
  link_id TEXT NOT NULL PRIMARY KEY,
  source_id TEXT NOT NULL,
  sealed_account BYTEA NOT NULL,
  since BIGINT NOT NULL,
  acknowledged_at BIGINT
);
CREATE INDEX farewell_feed ON farewell (source_id, since, link_id) WHERE acknowledged_at IS NULL;
-- The version of the source or provider that a consent was shown for, and which reminder of its end was sent last.
ALTER TABLE presentation ADD COLUMN counterpart_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE consent ADD COLUMN counterpart_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE consent ADD COLUMN told_days INTEGER;
