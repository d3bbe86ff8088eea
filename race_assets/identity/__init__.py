"""Who is who across sources: tracks, dogs, keys, links; no file is parsed and no value judged here."""
