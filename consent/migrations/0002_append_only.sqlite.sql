-- Events and document steps are appended only, whoever holds the connection.
CREATE TRIGGER event_no_update BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'append only: UPDATE is refused on event'); END;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'append only: DELETE is refused on event'); END;
CREATE TRIGGER document_step_no_update BEFORE UPDATE ON document_step BEGIN SELECT RAISE(ABORT, 'append only: UPDATE is refused on document_step'); END;
CREATE TRIGGER document_step_no_delete BEFORE DELETE ON document_step BEGIN SELECT RAISE(ABORT, 'append only: DELETE is refused on document_step'); END;
CREATE TRIGGER refused_attempt_no_update BEFORE UPDATE ON refused_attempt BEGIN SELECT RAISE(ABORT, 'append only: UPDATE is refused on refused_attempt'); END;
CREATE TRIGGER refused_attempt_no_delete BEFORE DELETE ON refused_attempt BEGIN SELECT RAISE(ABORT, 'append only: DELETE is refused on refused_attempt'); END;
