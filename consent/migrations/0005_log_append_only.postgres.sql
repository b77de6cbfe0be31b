-- What is in a log stays as it is, whoever holds the connection.
CREATE TRIGGER log_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_entry EXECUTE FUNCTION refuse_change();
