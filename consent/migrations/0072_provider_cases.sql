-- Complaints that an officer passed on to a provider, in the officer's words. No person and no complaint is named.
CREATE TABLE provider_case (
  case_id TEXT NOT NULL PRIMARY KEY,
  provider_id TEXT NOT NULL,
  venue_id TEXT NOT NULL,
  benefit_id TEXT NOT NULL,
  reason_code TEXT NOT NULL,
  text TEXT NOT NULL,
  passed_on INTEGER NOT NULL,
  passed_by TEXT NOT NULL
);
CREATE INDEX provider_case_by_provider ON provider_case (provider_id, passed_on, case_id);
