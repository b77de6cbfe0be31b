-- Tickets that live longer than a minute and a half: bindings, for machines that scan nothing, and slips of paper.
ALTER TABLE ticket ADD COLUMN kind TEXT NOT NULL DEFAULT 'ticket';
ALTER TABLE ticket ADD COLUMN lasting_id TEXT;
ALTER TABLE ticket ADD COLUMN unlink_from BIGINT;
CREATE INDEX ticket_to_unlink ON ticket (unlink_from) WHERE unlink_from IS NOT NULL;
CREATE TABLE lasting_ticket (
  person_id TEXT NOT NULL,
  lasting_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('slip', 'binding')),
  benefit_id TEXT NOT NULL,
  venue_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  valid_until BIGINT NOT NULL,
  handle_index TEXT,
  sealed_code BYTEA,
  code_expires_at BIGINT,
  PRIMARY KEY (person_id, lasting_id)
);
CREATE INDEX lasting_ticket_to_delete ON lasting_ticket (valid_until);
CREATE TABLE binding_code (
  code_index TEXT NOT NULL PRIMARY KEY,
  venue_id TEXT NOT NULL,
  person_id TEXT NOT NULL,
  lasting_id TEXT NOT NULL,
  expires_at BIGINT NOT NULL
);
