"""The state of the data for an operator: what is here, what is missing since when, and the command that brings it."""
