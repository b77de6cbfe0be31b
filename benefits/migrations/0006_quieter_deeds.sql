-- The kinds of records that need no riding, walking or lifting, in the frozen population.
ALTER TABLE frozen_points ADD COLUMN nature_observation BIGINT NOT NULL DEFAULT 0 CHECK (nature_observation >= 0);
ALTER TABLE frozen_points ADD COLUMN battery_returned BIGINT NOT NULL DEFAULT 0 CHECK (battery_returned >= 0);
ALTER TABLE frozen_points ADD COLUMN item_passed_on BIGINT NOT NULL DEFAULT 0 CHECK (item_passed_on >= 0);
ALTER TABLE frozen_points ADD COLUMN item_repaired BIGINT NOT NULL DEFAULT 0 CHECK (item_repaired >= 0);
ALTER TABLE frozen_points ADD COLUMN reading_circle BIGINT NOT NULL DEFAULT 0 CHECK (reading_circle >= 0);
