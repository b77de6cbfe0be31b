-- Refusals that the publication rules gave for drafts and previews, by member of staff and civil day: officers see who tries.
CREATE TABLE draft_refusal (
  staff_id TEXT NOT NULL,
  day INTEGER NOT NULL,
  rule TEXT NOT NULL,
  code TEXT NOT NULL,
  refusals BIGINT NOT NULL,
  PRIMARY KEY (staff_id, day, rule, code)
);
CREATE INDEX draft_refusal_by_day ON draft_refusal (day, staff_id);
