"""Betfair's stream files: what a message is, how a market is replayed, what a file holds; records are made outside."""
