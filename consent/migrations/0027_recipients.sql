-- The officer's decision about a provider or source with another name, owner or client, and when it was carried out for
-- everybody; the instant of the last change of a counterpart's spelling that the person of a consent was told about.
ALTER TABLE document ADD COLUMN recipient TEXT;
ALTER TABLE document ADD COLUMN recipient_applied_at BIGINT;
CREATE INDEX document_recipient ON document (kind, document_id, in_force_from) WHERE recipient = 'another_recipient';
ALTER TABLE consent ADD COLUMN respelled_at BIGINT;
