"""The exchange while it trades: asking about markets, when to ask, writing answers down; files are read elsewhere."""
