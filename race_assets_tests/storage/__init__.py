"""Tests of where data stays."""
