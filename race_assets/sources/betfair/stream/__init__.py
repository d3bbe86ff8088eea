"""Betfair's stream files: what a message is, how a market is replayed, what a file contains; records are made outside."""
