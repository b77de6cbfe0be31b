-- Kinds of records that need no riding, walking or lifting. SQLite changes a CHECK by a new table only.
CREATE TABLE record_wider (
  person_id TEXT NOT NULL,
  record_id TEXT NOT NULL,
  source_id TEXT NOT NULL,
  source_record_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('bike_trip', 'transit_trip', 'volunteer_minutes', 'community_meeting', 'eco_course', 'tree_planted', 'green_shop_month', 'nature_observation', 'battery_returned', 'item_passed_on', 'item_repaired', 'reading_circle')),
  quantity INTEGER NOT NULL CHECK (quantity BETWEEN 1 AND 1000000),
  occurred_on INTEGER NOT NULL,
  received_at BIGINT NOT NULL,
  PRIMARY KEY (person_id, record_id)
);
INSERT INTO record_wider SELECT * FROM record;
DROP TABLE record;
ALTER TABLE record_wider RENAME TO record;
CREATE INDEX record_of_source ON record (person_id, source_id);
