-- Officers name a complaint or an objection by its id alone, without its person, by whom the tables are distributed.
CREATE INDEX complaint_by_id ON complaint (complaint_id);
CREATE INDEX objection_by_id ON objection (objection_id);
