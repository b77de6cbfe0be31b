-- An eighth kind of document: issuers, other cities whose passes count here. SQLite changes a CHECK by a new table only.
CREATE TABLE document_wider (
  kind TEXT NOT NULL CHECK (kind IN ('providers', 'venues', 'sources', 'services', 'benefits', 'schemes', 'notices', 'issuers')),
  document_id TEXT NOT NULL,
  version INTEGER NOT NULL CHECK (version > 0),
  state TEXT NOT NULL CHECK (state IN ('draft', 'in_review', 'submitted', 'approved', 'suspended', 'retired')),
  sha256 TEXT NOT NULL,
  body TEXT NOT NULL,
  in_force_from BIGINT,
  ended_at BIGINT,
  created_at BIGINT NOT NULL,
  recipient TEXT,
  recipient_applied_at BIGINT,
  package_id TEXT,
  PRIMARY KEY (kind, document_id, version)
);
INSERT INTO document_wider (kind, document_id, version, state, sha256, body, in_force_from, ended_at, created_at, recipient, recipient_applied_at, package_id) SELECT kind, document_id, version, state, sha256, body, in_force_from, ended_at, created_at, recipient, recipient_applied_at, package_id FROM document;
DROP TABLE document;
ALTER TABLE document_wider RENAME TO document;
CREATE INDEX document_by_hash ON document (sha256);
CREATE INDEX document_recipient ON document (kind, document_id, in_force_from) WHERE recipient = 'another_recipient';
