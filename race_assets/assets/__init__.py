"""The assets as Dagster sees them: thin bodies over `pipeline/`, metadata for people, checks; no work of their own."""
