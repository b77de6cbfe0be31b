-- The number of times that a venue has checked a ticket: after a few, a check answers as for a handle that nobody has.
ALTER TABLE ticket ADD COLUMN checks INTEGER NOT NULL DEFAULT 0;
