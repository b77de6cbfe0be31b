-- How often the catalogue has changed: whoever keeps what is in force sees in one number whether it still is.
CREATE TABLE catalogue_state (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  changes BIGINT NOT NULL
);
INSERT INTO catalogue_state (one, changes) VALUES (1, 0);
