"""`python -m race_assets`: the same as the `race-assets` command."""

from race_assets.cli import main

main()
