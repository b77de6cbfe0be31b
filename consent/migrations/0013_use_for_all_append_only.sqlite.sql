-- Nobody takes back that everybody's records were used.
CREATE TRIGGER use_for_all_no_update BEFORE UPDATE ON use_for_all BEGIN SELECT RAISE(ABORT, 'append only: UPDATE is refused on use_for_all'); END;
CREATE TRIGGER use_for_all_no_delete BEFORE DELETE ON use_for_all BEGIN SELECT RAISE(ABORT, 'append only: DELETE is refused on use_for_all'); END;
