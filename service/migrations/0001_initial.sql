-- The service room. Written for PostgreSQL; on SQLite the runner spells BYTEA as BLOB and nothing else differs.
CREATE TABLE stored_answer (
  scope TEXT NOT NULL PRIMARY KEY,
  fingerprint TEXT NOT NULL,
  status INTEGER NOT NULL,
  sealed_body BYTEA NOT NULL,
  created_at BIGINT NOT NULL
);
CREATE INDEX stored_answer_to_drop ON stored_answer (created_at);
