"""A command that lands the samples a pattern names and builds what is stale; `test_sigkill.py` kills it.

It says `working` once everything is imported, so that kills fall into work and not into loading, and `done` at the end.
"""

import sys

import psycopg  # noqa: F401 - imported ahead
import pyarrow.parquet  # noqa: F401 - imported ahead

from race_assets import settings
from race_assets.pipeline.workshop import Workshop
from race_assets_tests.conftest import SAMPLES
from race_assets_tests.pipeline.feed import build_stale, land_samples

print("working", flush=True)
workshop = Workshop(settings.load())
land_samples(workshop, sorted(SAMPLES.glob(sys.argv[1])))
build_stale(workshop, sys.argv[2])
print("done", flush=True)
