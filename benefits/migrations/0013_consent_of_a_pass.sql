-- The begin of the consent that a pass was issued under; 0 for passes from before this column, which count as revoked.
ALTER TABLE offline_pass ADD COLUMN consent_given_at BIGINT NOT NULL DEFAULT 0;
