-- Events leave with their person alone, and only once the leaf stands among the erased ones.
CREATE TRIGGER erasure_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON erasure EXECUTE FUNCTION refuse_change();
CREATE TRIGGER erased_leaf_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON erased_leaf EXECUTE FUNCTION refuse_change();
CREATE FUNCTION refuse_unless_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM person WHERE person_id = OLD.person_id)
    OR NOT EXISTS (SELECT 1 FROM erased_leaf WHERE leaf_hash = OLD.leaf_hash) THEN
    RAISE EXCEPTION 'append only: DELETE is refused on event' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$;
DROP TRIGGER event_append_only ON event;
CREATE TRIGGER event_append_only BEFORE UPDATE OR TRUNCATE ON event EXECUTE FUNCTION refuse_change();
CREATE TRIGGER event_leaves_with_its_person BEFORE DELETE ON event FOR EACH ROW EXECUTE FUNCTION refuse_unless_erased();
