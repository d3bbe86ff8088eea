"""Getting the data: one package per source, each of parsers and clients; no judging, no linking, no storing."""
