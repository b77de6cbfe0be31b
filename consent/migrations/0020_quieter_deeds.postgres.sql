-- Kinds of records that need no riding, walking or lifting. NOT VALID: the new CHECK allows every row of the old one.
ALTER TABLE record DROP CONSTRAINT record_kind_check;
ALTER TABLE record ADD CONSTRAINT record_kind_check CHECK (kind IN ('bike_trip', 'transit_trip', 'volunteer_minutes', 'community_meeting', 'eco_course', 'tree_planted', 'green_shop_month', 'nature_observation', 'battery_returned', 'item_passed_on', 'item_repaired', 'reading_circle')) NOT VALID;
