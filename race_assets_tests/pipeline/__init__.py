"""Tests of race_assets.pipeline: landing and building on a real Postgres, without Dagster."""
