-- The latest begin of the consents behind a balance, in microseconds; 0 without any. A balance stored before this
-- column has none, and is computed again when it is next asked for.
ALTER TABLE snapshot ADD COLUMN covered_from BIGINT;
