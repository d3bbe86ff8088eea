"""Tests of race_assets.normalise: core tables out of hand-made records."""
