-- Nobody takes back that they looked.
CREATE TRIGGER oversight_no_update BEFORE UPDATE ON oversight BEGIN SELECT RAISE(ABORT, 'append only: UPDATE is refused on oversight'); END;
CREATE TRIGGER oversight_no_delete BEFORE DELETE ON oversight BEGIN SELECT RAISE(ABORT, 'append only: DELETE is refused on oversight'); END;
