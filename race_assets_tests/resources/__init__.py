"""Tests of the adapters between Dagster and the floors below."""
