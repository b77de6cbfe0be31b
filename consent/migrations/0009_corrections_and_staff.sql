-- What an officer's decision changed in a source's record: the source hears of it until it acknowledges.
CREATE TABLE correction (
  correction_id TEXT NOT NULL PRIMARY KEY,
  source_id TEXT NOT NULL,
  source_record_id TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('corrected', 'retracted')),
  quantity INTEGER CHECK (quantity > 0),
  occurred_on INTEGER,
  since BIGINT NOT NULL,
  acknowledged_at BIGINT
);
CREATE INDEX correction_feed ON correction (source_id, since, correction_id) WHERE acknowledged_at IS NULL;
-- Staff whose tokens are refused from the next request on.
CREATE TABLE staff_suspension (
  staff_id TEXT NOT NULL PRIMARY KEY,
  since BIGINT NOT NULL
);
