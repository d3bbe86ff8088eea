"""Racing Post greyhounds: races, form and analysis of the licensed feed; its contract is ours (API_CONTRACTS 6.4)."""
