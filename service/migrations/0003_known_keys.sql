-- Fingerprints of the keys that this database was written with: with another index key, say, nobody would be known.
CREATE TABLE known_key (
  fingerprint TEXT NOT NULL PRIMARY KEY,
  key_name TEXT NOT NULL,
  added_at BIGINT NOT NULL
);
