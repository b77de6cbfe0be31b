-- Every row is sealed: the clear record ids go. New tables, since SQLite cannot drop the default of a column.
CREATE TABLE record_index (
  source_id TEXT NOT NULL,
  source_record_index TEXT NOT NULL,
  person_id TEXT NOT NULL,
  record_id TEXT NOT NULL,
  PRIMARY KEY (source_id, source_record_index)
);
INSERT INTO record_index SELECT source_id, source_record_index, person_id, record_id FROM record_key;
DROP TABLE record_key;
CREATE INDEX record_index_of_person ON record_index (person_id, source_id);
CREATE TABLE record_sealed (
  person_id TEXT NOT NULL,
  record_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('bike_trip', 'transit_trip', 'volunteer_minutes', 'community_meeting', 'eco_course', 'tree_planted', 'green_shop_month', 'nature_observation', 'battery_returned', 'item_passed_on', 'item_repaired', 'reading_circle')),
  quantity INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
  occurred_on INTEGER NOT NULL,
  received_at BIGINT NOT NULL,
  sealed_source_record_id BYTEA NOT NULL,
  PRIMARY KEY (person_id, record_id)
);
INSERT INTO record_sealed SELECT person_id, record_id, source_id, kind, quantity, occurred_on, received_at, sealed_source_record_id FROM record;
DROP TABLE record;
ALTER TABLE record_sealed RENAME TO record;
CREATE INDEX record_of_source ON record (person_id, source_id);
CREATE TABLE correction_sealed (
  correction_id TEXT NOT NULL PRIMARY KEY,
  source_id TEXT NOT NULL,
  outcome TEXT NOT NULL CHECK (outcome IN ('corrected', 'retracted')),
  quantity INTEGER CHECK (quantity > 0),
  occurred_on INTEGER,
  since BIGINT NOT NULL,
  acknowledged_at BIGINT,
  restored INTEGER NOT NULL DEFAULT 0,
  sealed_source_record_id BYTEA NOT NULL
);
INSERT INTO correction_sealed SELECT correction_id, source_id, outcome, quantity, occurred_on, since, acknowledged_at, restored, sealed_source_record_id FROM correction;
DROP TABLE correction;
ALTER TABLE correction_sealed RENAME TO correction;
CREATE INDEX correction_feed ON correction (source_id, since, correction_id) WHERE acknowledged_at IS NULL;
