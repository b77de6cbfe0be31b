-- Events and document steps are appended only, whoever holds the connection.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'append only: % is refused on %', TG_OP, TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event EXECUTE FUNCTION refuse_change();
CREATE TRIGGER document_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON document_step EXECUTE FUNCTION refuse_change();
CREATE TRIGGER refused_attempt_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON refused_attempt EXECUTE FUNCTION refuse_change();
