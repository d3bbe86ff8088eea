"""Tests of the assets as Dagster sees them."""
