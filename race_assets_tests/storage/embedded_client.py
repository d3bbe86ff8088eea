"""A command that uses the embedded server of the home given; it says ``ready <url>`` and ends with its stdin.

``rounds N`` as further arguments make it hold and give back the lease N times, with a query each, and say ``done``.
"""

import sys
from pathlib import Path

import psycopg

from race_assets.storage import embedded

home = Path(sys.argv[1])
if sys.argv[2:3] == ["rounds"]:
    for _ in range(int(sys.argv[3])):
        with psycopg.connect(embedded.ensure(home)) as connection:
            connection.execute("SELECT 1")
        embedded.release(home)
    print("done", flush=True)
else:
    print("ready", embedded.ensure(home), flush=True)
    sys.stdin.read()
