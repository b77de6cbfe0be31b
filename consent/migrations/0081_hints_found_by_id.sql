-- The city's app confirms hints by their ids, without the persons by whom the rows are found otherwise.
CREATE INDEX app_hint_by_id ON app_hint (hint_id);
CREATE INDEX app_hint_by_next_id ON app_hint (next_hint_id);
