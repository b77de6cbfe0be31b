-- What is in a log stays as it is, whoever holds the connection.
CREATE TRIGGER log_entry_no_update BEFORE UPDATE ON log_entry BEGIN SELECT RAISE(ABORT, 'append only: UPDATE is refused on log_entry'); END;
CREATE TRIGGER log_entry_no_delete BEFORE DELETE ON log_entry BEGIN SELECT RAISE(ABORT, 'append only: DELETE is refused on log_entry'); END;
