-- Epsilon spent in a week, in thousandths, by kind of release; the CHECK is the whole week's limit (R8a).
CREATE TABLE privacy_budget (
  week INTEGER NOT NULL,
  kind TEXT NOT NULL,
  spent_milli INTEGER NOT NULL CHECK (spent_milli BETWEEN 0 AND 1000),
  releases INTEGER NOT NULL CHECK (releases >= 0),
  PRIMARY KEY (week, kind)
);
-- Noisy answers of a week by the hash of their question: the same question gets the same noise.
CREATE TABLE released_number (
  week INTEGER NOT NULL,
  question_sha256 TEXT NOT NULL,
  kind TEXT NOT NULL,
  answer TEXT NOT NULL,
  PRIMARY KEY (week, question_sha256)
);
-- Rows frozen before now have sums that were made from several persons' sums, whose noise would have no bound.
DELETE FROM frozen_points;
ALTER TABLE frozen_points ADD COLUMN synthetic INTEGER NOT NULL DEFAULT 0 CHECK (synthetic IN (0, 1));
