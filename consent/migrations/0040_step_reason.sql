-- The reason that a member of staff gives for suspending a version or calling it off.
ALTER TABLE document_step ADD COLUMN reason TEXT;
