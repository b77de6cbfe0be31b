-- What was announced stays, whoever holds the connection.
CREATE TRIGGER log_epoch_no_update BEFORE UPDATE ON log_epoch BEGIN SELECT RAISE(ABORT, 'append only: UPDATE is refused on log_epoch'); END;
CREATE TRIGGER log_epoch_no_delete BEFORE DELETE ON log_epoch BEGIN SELECT RAISE(ABORT, 'append only: DELETE is refused on log_epoch'); END;
