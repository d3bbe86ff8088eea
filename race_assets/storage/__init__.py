"""Where data stays: original bytes, Parquet and Postgres; nothing of what the data means."""
