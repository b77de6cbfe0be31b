-- The step of the status lists at which the pass of an erased person becomes revoked. NULL: at once.
ALTER TABLE offline_pass ADD COLUMN revoked_from BIGINT;
