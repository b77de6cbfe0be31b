-- The version of the benefit whose terms a resident accepted when they asked for a binding; 0 is no version.
ALTER TABLE binding_code ADD COLUMN benefit_version INTEGER NOT NULL DEFAULT 0;
