"""Tests of how we talk to an API, against a real server on this machine."""
