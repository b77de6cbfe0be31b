-- A booking ends with the consent that it was made under. One from before names no provider and is given back.
ALTER TABLE booking ADD COLUMN provider_id TEXT NOT NULL DEFAULT '';
ALTER TABLE booking ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
