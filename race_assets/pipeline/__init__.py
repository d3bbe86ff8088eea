"""The stages put together without Dagster: land, day files, judge, build; the work itself is in the floors below."""
