-- Everybody may also be counted at once.
ALTER TABLE use_for_all DROP CONSTRAINT use_for_all_kind_check;
ALTER TABLE use_for_all ADD CONSTRAINT use_for_all_kind_check CHECK (kind IN ('points.computed', 'points.counted'));
