-- Events leave with their person alone, and only once the leaf stands among the erased ones.
CREATE TRIGGER erasure_no_update BEFORE UPDATE ON erasure BEGIN SELECT RAISE(ABORT, 'append only: UPDATE is refused on erasure'); END;
CREATE TRIGGER erasure_no_delete BEFORE DELETE ON erasure BEGIN SELECT RAISE(ABORT, 'append only: DELETE is refused on erasure'); END;
CREATE TRIGGER erased_leaf_no_update BEFORE UPDATE ON erased_leaf BEGIN SELECT RAISE(ABORT, 'append only: UPDATE is refused on erased_leaf'); END;
CREATE TRIGGER erased_leaf_no_delete BEFORE DELETE ON erased_leaf BEGIN SELECT RAISE(ABORT, 'append only: DELETE is refused on erased_leaf'); END;
DROP TRIGGER event_no_delete;
CREATE TRIGGER event_no_delete BEFORE DELETE ON event
WHEN EXISTS (SELECT 1 FROM person WHERE person_id = OLD.person_id)
  OR NOT EXISTS (SELECT 1 FROM erased_leaf WHERE leaf_hash = OLD.leaf_hash)
BEGIN SELECT RAISE(ABORT, 'append only: DELETE is refused on event'); END;
