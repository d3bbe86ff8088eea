"""What keeps race_assets from working, each thing told apart with one next step; nothing is mended here."""
