-- Everybody may also be counted at once. SQLite changes a CHECK by a new table only.
CREATE TABLE use_for_all_wider (
  use_id TEXT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('points.computed', 'points.counted')),
  organisation TEXT NOT NULL,
  purpose TEXT NOT NULL,
  what TEXT NOT NULL,
  outcome TEXT NOT NULL,
  first_id TEXT NOT NULL,
  beyond_id TEXT NOT NULL,
  leaf_hash TEXT NOT NULL,
  salt TEXT NOT NULL
);
INSERT INTO use_for_all_wider SELECT * FROM use_for_all;
DROP TABLE use_for_all;
ALTER TABLE use_for_all_wider RENAME TO use_for_all;
CREATE INDEX use_for_all_by_leaf ON use_for_all (leaf_hash);
CREATE INDEX use_for_all_by_time ON use_for_all (at, use_id);
CREATE TRIGGER use_for_all_no_update BEFORE UPDATE ON use_for_all BEGIN SELECT RAISE(ABORT, 'append only: UPDATE is refused on use_for_all'); END;
CREATE TRIGGER use_for_all_no_delete BEFORE DELETE ON use_for_all BEGIN SELECT RAISE(ABORT, 'append only: DELETE is refused on use_for_all'); END;
