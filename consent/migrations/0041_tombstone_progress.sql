-- How far the tombstones outside the database were applied to it (bytes of each of their files), and the folder they are in.
-- A restored older copy has the numbers of its own time, so that everything since is replayed.
CREATE TABLE tombstone_progress (
  file_name TEXT NOT NULL PRIMARY KEY,
  applied BIGINT NOT NULL CHECK (applied >= 0)
);
CREATE TABLE log_folder (
  singleton INTEGER NOT NULL PRIMARY KEY CHECK (singleton = 1),
  folder_id TEXT NOT NULL
);
