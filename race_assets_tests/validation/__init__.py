"""Tests of race_assets.validation: the rules, duplicates and the account."""
