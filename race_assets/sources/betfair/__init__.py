"""Everything Betfair: its CSV exports and its starting-price files; nothing of other sources."""
