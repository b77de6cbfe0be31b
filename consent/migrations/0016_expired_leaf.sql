-- What stays of entries that are nobody's own when their three years are over: the leaf hash, so that something stands
-- behind every leaf of the log.
CREATE TABLE expired_leaf (
  leaf_hash TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  day INTEGER NOT NULL
);
