-- The latest begin of the consents behind a balance, in microseconds. A balance stored before this column has none; it
-- is used as before until it is computed again.
ALTER TABLE snapshot ADD COLUMN covered_from BIGINT;
