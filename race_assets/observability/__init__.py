"""What the system says of itself: logs now, figures per run in the ledger; the lower floors only use stdlib logging."""
