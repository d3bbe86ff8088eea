"""Adapters between Dagster and the floors below: tools, IO managers, instance storage; no work of their own."""
