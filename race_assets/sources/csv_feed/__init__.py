"""The `csv_feed` sources: any delimited file, read as an entry of the settings says; no code for any one feed."""
