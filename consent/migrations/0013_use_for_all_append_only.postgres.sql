-- Nobody takes back that everybody's records were used.
CREATE TRIGGER use_for_all_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON use_for_all EXECUTE FUNCTION refuse_change();
