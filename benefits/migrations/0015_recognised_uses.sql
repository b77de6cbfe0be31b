-- Passes of other cities that were used here: keyed hashes, until no use of the pass can be uploaded any more.
CREATE TABLE recognised_use (
  use_index TEXT NOT NULL PRIMARY KEY,
  showing_index TEXT NOT NULL,
  delete_from BIGINT NOT NULL,
  redemption_id TEXT,
  counters TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX recognised_use_end ON recognised_use (delete_from);
-- The other city whose venue a pass was issued for; NULL for a venue of this city.
ALTER TABLE offline_pass ADD COLUMN issuer_id TEXT;
