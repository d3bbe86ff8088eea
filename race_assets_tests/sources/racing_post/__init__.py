"""The Racing Post sources: what payloads become, however they are spelled, wrapped or broken."""
