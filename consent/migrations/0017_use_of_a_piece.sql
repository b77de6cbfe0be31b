-- A use of everybody's records may be of one piece of the tables: which of how many, NULL for a range of ids.
ALTER TABLE use_for_all ADD COLUMN piece INTEGER;
ALTER TABLE use_for_all ADD COLUMN pieces INTEGER;
