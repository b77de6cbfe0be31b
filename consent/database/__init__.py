"""SQL access for both engines, migrations and field types."""
