"""Tests of the sources and their parsers."""
