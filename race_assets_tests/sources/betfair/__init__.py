"""Tests of what is Betfair's."""
