-- Points of a week's Monday in random order, without persons: what simulations run on.
CREATE TABLE frozen_points (
  week INTEGER NOT NULL,
  place INTEGER NOT NULL,
  total INTEGER NOT NULL CHECK (total >= 0),
  ecological_protection INTEGER NOT NULL CHECK (ecological_protection >= 0),
  ecological_business INTEGER NOT NULL CHECK (ecological_business >= 0),
  green_living INTEGER NOT NULL CHECK (green_living >= 0),
  ecological_culture INTEGER NOT NULL CHECK (ecological_culture >= 0),
  social_responsibility INTEGER NOT NULL CHECK (social_responsibility >= 0),
  PRIMARY KEY (week, place)
);
CREATE TABLE simulation_run (
  week INTEGER NOT NULL,
  benefit_id TEXT NOT NULL,
  runs INTEGER NOT NULL CHECK (runs > 0),
  PRIMARY KEY (week, benefit_id)
);
DROP INDEX ticket_to_cut;
CREATE INDEX ticket_to_cut ON ticket (issued_at);
