-- How often the catalogue has changed by now, also for a statement that has waited for a lock since it began: a volatile
-- function looks anew each time it is called.
CREATE FUNCTION catalogue_changes() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  RETURN (SELECT changes FROM catalogue_state);
END $$;
