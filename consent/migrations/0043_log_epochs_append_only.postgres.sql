-- What was announced stays, whoever holds the connection.
CREATE TRIGGER log_epoch_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON log_epoch EXECUTE FUNCTION refuse_change();
