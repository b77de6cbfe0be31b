-- Two roles and the database. Run once, as a superuser of PostgreSQL 14 or later:
--   runuser --user postgres -- psql{% if database.port != 5432 %} --port {{ database.port }}{% endif %} --set ON_ERROR_STOP=1 --file - < {{ folder }}/database/roles.sql
--
-- {{ database.owner_role }} owns the tables and runs `credit-easy migrate`. {{ database.service_role }} serves: it owns nothing, and `migrate`
-- grants it the rights that docs/settings.md lists. The passwords are in credit-easy.env and owner.env; here are only
-- their SCRAM verifiers, so that no server log has a password.

CREATE ROLE {{ database.owner_role }} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
  PASSWORD '{{ owner_verifier }}';
CREATE ROLE {{ database.service_role }} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
  PASSWORD '{{ service_verifier }}';

CREATE DATABASE {{ database.name }} OWNER {{ database.owner_role }} ENCODING 'UTF8' TEMPLATE template0;
REVOKE ALL ON DATABASE {{ database.name }} FROM PUBLIC;
GRANT CONNECT ON DATABASE {{ database.name }} TO {{ database.service_role }};

\connect {{ database.name }}
ALTER SCHEMA public OWNER TO {{ database.owner_role }};
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO {{ database.service_role }};
