-- An officer's notes on a case, and the end of the case with its conclusion.
ALTER TABLE officer_case ADD COLUMN closed_at BIGINT;
ALTER TABLE officer_case ADD COLUMN conclusion TEXT;
CREATE TABLE officer_case_note (
  case_id TEXT NOT NULL,
  number INTEGER NOT NULL,
  text TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (case_id, number)
);
