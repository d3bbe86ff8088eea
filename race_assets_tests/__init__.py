"""Tests of race_assets; the folders mirror the package."""
