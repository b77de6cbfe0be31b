-- Beside the points of a week, the sums of twelve months by kind: what a scheme would score is simulated on them.
DROP TABLE frozen_points;
CREATE TABLE frozen_points (
  week INTEGER NOT NULL,
  place BIGINT NOT NULL,
  total INTEGER NOT NULL CHECK (total >= 0),
  ecological_protection INTEGER NOT NULL CHECK (ecological_protection >= 0),
  ecological_business INTEGER NOT NULL CHECK (ecological_business >= 0),
  green_living INTEGER NOT NULL CHECK (green_living >= 0),
  ecological_culture INTEGER NOT NULL CHECK (ecological_culture >= 0),
  social_responsibility INTEGER NOT NULL CHECK (social_responsibility >= 0),
  bike_trip BIGINT NOT NULL CHECK (bike_trip >= 0),
  transit_trip BIGINT NOT NULL CHECK (transit_trip >= 0),
  volunteer_minutes BIGINT NOT NULL CHECK (volunteer_minutes >= 0),
  community_meeting BIGINT NOT NULL CHECK (community_meeting >= 0),
  eco_course BIGINT NOT NULL CHECK (eco_course >= 0),
  tree_planted BIGINT NOT NULL CHECK (tree_planted >= 0),
  green_shop_month BIGINT NOT NULL CHECK (green_shop_month >= 0),
  PRIMARY KEY (week, place)
);
DROP TABLE simulation_run;
CREATE TABLE simulation_run (
  week INTEGER NOT NULL,
  document TEXT NOT NULL,
  runs INTEGER NOT NULL CHECK (runs > 0),
  PRIMARY KEY (week, document)
);
