-- The quota counters a redemption took from, so that a reversal returns to the very same ones.
ALTER TABLE ticket ADD COLUMN counters TEXT NOT NULL DEFAULT '[]';
