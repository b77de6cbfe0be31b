-- Offline passes: where each stands in its status list, and whether a venue has uploaded its use.
CREATE TABLE offline_pass (
  pass_id TEXT NOT NULL PRIMARY KEY,
  list_number INTEGER NOT NULL,
  place INTEGER NOT NULL,
  key_thumbprint TEXT NOT NULL UNIQUE,
  person_id TEXT,
  provider_id TEXT NOT NULL,
  benefit_id TEXT NOT NULL,
  benefit_version INTEGER NOT NULL,
  venue_id TEXT NOT NULL,
  issued_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL,
  used_at BIGINT,
  redemption_id TEXT,
  counters TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX offline_pass_list ON offline_pass (list_number);
CREATE INDEX offline_pass_person ON offline_pass (person_id, benefit_id);
