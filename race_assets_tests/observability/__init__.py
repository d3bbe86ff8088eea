"""Tests of what is logged and counted."""
