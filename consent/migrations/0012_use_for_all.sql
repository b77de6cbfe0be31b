-- Uses of everybody's records at once: one row and one leaf for a range of ids, instead of an event in each chain.
CREATE TABLE use_for_all (
  use_id TEXT NOT NULL PRIMARY KEY,
  at BIGINT NOT NULL,
  kind TEXT NOT NULL CHECK (kind = 'points.computed'),
  organisation TEXT NOT NULL,
  purpose TEXT NOT NULL,
  what TEXT NOT NULL,
  outcome TEXT NOT NULL,
  first_id TEXT NOT NULL,
  beyond_id TEXT NOT NULL,
  leaf_hash TEXT NOT NULL,
  salt TEXT NOT NULL
);
CREATE INDEX use_for_all_by_leaf ON use_for_all (leaf_hash);
CREATE INDEX use_for_all_by_time ON use_for_all (at, use_id);
