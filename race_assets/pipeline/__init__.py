"""The stages put together without Dagster: land, day files, judge, build; each stage's own work is in the floors below."""
