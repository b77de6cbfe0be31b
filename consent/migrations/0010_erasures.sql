-- What stays of an erased person: that it happened, and leaf hashes that no longer belong to anybody.
CREATE TABLE erasure (
  leaf_hash TEXT NOT NULL PRIMARY KEY,
  event TEXT NOT NULL,
  salt TEXT NOT NULL
);
CREATE TABLE erased_leaf (
  leaf_hash TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  day INTEGER NOT NULL,
  notice_version INTEGER
);
