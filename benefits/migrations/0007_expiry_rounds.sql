-- The progress of messages about points that expire: for each number of days before, the civil day that is being told about.
CREATE TABLE expiry_round (
  days INTEGER NOT NULL PRIMARY KEY,
  expires_on INTEGER NOT NULL,
  after_person TEXT NOT NULL,
  finished INTEGER NOT NULL
);
