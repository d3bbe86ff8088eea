"""race_assets: greyhound-racing data from files and feeds into two tables a day that can be trusted."""
