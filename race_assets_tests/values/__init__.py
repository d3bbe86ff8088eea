"""Tests of text to typed value."""
