-- The two transparency logs: entries in order, C2SP tiles over them, and the head that was last integrated.
ALTER TABLE outbox ADD COLUMN log TEXT NOT NULL DEFAULT 'consent' CHECK (log IN ('consent', 'policy'));
ALTER TABLE outbox ADD COLUMN put_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX outbox_of_log ON outbox (log, put_at);
CREATE TABLE log_entry (
  log TEXT NOT NULL CHECK (log IN ('consent', 'policy')),
  position BIGINT NOT NULL CHECK (position >= 0),
  leaf_hash TEXT NOT NULL,
  leaf TEXT NOT NULL,
  PRIMARY KEY (log, position)
);
CREATE UNIQUE INDEX log_entry_by_hash ON log_entry (log, leaf_hash);
CREATE TABLE log_tile (
  log TEXT NOT NULL,
  level INTEGER NOT NULL CHECK (level BETWEEN 0 AND 7),
  number BIGINT NOT NULL CHECK (number >= 0),
  hashes BYTEA NOT NULL,
  PRIMARY KEY (log, level, number)
);
CREATE TABLE log_head (
  log TEXT NOT NULL PRIMARY KEY CHECK (log IN ('consent', 'policy')),
  size BIGINT NOT NULL CHECK (size >= 0),
  checkpoint TEXT,
  checked_at BIGINT NOT NULL,
  frozen TEXT,
  withheld INTEGER NOT NULL DEFAULT 0 CHECK (withheld IN (0, 1))
);
INSERT INTO log_head (log, size, checkpoint, checked_at, frozen, withheld) VALUES ('consent', 0, NULL, 0, NULL, 0);
INSERT INTO log_head (log, size, checkpoint, checked_at, frozen, withheld) VALUES ('policy', 0, NULL, 0, NULL, 0);
ALTER TABLE refused_attempt ADD COLUMN leaf_hash TEXT NOT NULL DEFAULT '';
ALTER TABLE refused_attempt ADD COLUMN salt TEXT NOT NULL DEFAULT '';
CREATE INDEX refused_attempt_by_leaf ON refused_attempt (leaf_hash);
CREATE INDEX event_by_leaf ON event (leaf_hash);
