-- The messages of an hour share one hint, which is visible from the next full hour on: polling tells no minute, no number.
ALTER TABLE app_hint ADD COLUMN next_hint_id TEXT;
ALTER TABLE app_hint ADD COLUMN next_from BIGINT;
