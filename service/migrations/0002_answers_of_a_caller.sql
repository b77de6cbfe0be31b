-- Whose stored answers to drop when somebody is erased; a keyed hash that names nobody.
ALTER TABLE stored_answer ADD COLUMN caller_index TEXT NOT NULL DEFAULT '';
CREATE INDEX stored_answer_of_caller ON stored_answer (caller_index);
