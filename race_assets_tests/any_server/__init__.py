"""The pipeline on servers and in shells that are set up in unusual ways."""
