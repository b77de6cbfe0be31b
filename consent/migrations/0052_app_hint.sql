-- Residents who let the city's app say that they have something to read, and whether they have.
CREATE TABLE app_hint (
  person_id TEXT NOT NULL PRIMARY KEY,
  opted_in_at BIGINT NOT NULL,
  hint_id TEXT,
  since BIGINT,
  acknowledged_at BIGINT
);
CREATE INDEX app_hint_waiting ON app_hint (since, hint_id);
