"""Talking to an API politely and surely: limits, retries, what a reply asks for; nothing of any one API."""
