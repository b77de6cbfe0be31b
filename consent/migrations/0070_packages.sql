-- Several drafts that are submitted, reviewed and approved together, by the hash of all of them.
CREATE TABLE document_package (
  package_id TEXT NOT NULL PRIMARY KEY,
  sha256 TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'approved', 'returned', 'recalled')),
  members TEXT NOT NULL,
  submitted_at BIGINT NOT NULL,
  submitted_by TEXT NOT NULL,
  ended_at BIGINT,
  ended_by TEXT
);
CREATE INDEX document_package_at ON document_package (submitted_at, package_id);
-- The open package of a version that waits for its decision; NULL for a version on its own.
ALTER TABLE document ADD COLUMN package_id TEXT;
