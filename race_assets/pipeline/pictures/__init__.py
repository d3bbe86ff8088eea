"""Pictures of published days, for the report page and the assets' pages; what the figures mean is said elsewhere."""
