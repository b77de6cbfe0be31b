-- Nobody takes back that they looked.
CREATE TRIGGER oversight_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON oversight EXECUTE FUNCTION refuse_change();
