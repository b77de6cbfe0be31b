-- Deadlines of an objection of which its person was told that they have passed: 1 the decision's, 2 the source's answer's.
ALTER TABLE objection ADD COLUMN overdue_notice INTEGER NOT NULL DEFAULT 0;
