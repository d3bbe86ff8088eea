"""The jobs: `ingest` builds days, `land` takes settled files in, `live` polls; when they run is decided elsewhere."""

import threading
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import dagster as dg

from race_assets import retries
from race_assets.display import visible
from race_assets.pipeline.live import NOT_STORED
from race_assets.pipeline.service import IngestionService
from race_assets.pipeline.workshop import Workshop

IngestJob: TypeAlias = Any
"""An asset job before it meets its assets: Dagster exports no name for its type."""

INGEST = "ingest"
LAND = "land"
LIVE_SESSION = "live_session"


def ingest_job(assets: Sequence[dg.AssetsDefinition]) -> IngestJob:
    """Return the job over these assets of ours, a day or a range of days in a run; what people add has its own jobs."""
    return dg.define_asset_job(
        INGEST,
        selection=dg.AssetSelection.assets(*assets),
        description="Builds days from the landed files: raw, validated, core.",
    )


@dg.op(description="Lands every settled file of every enabled source, and reads anew what a newer parser reads better.")
def land_settled(context: dg.OpExecutionContext, workshop: dg.ResourceParam[Workshop]) -> None:
    """Fails at the end when a file or folder could not be read; the good files are landed all the same."""
    began_at = datetime.now(UTC)
    with retries.retried(context, workshop.settings.automation.retries):
        service = IngestionService.over(workshop)
        landed = service.land_everything()
        landed += service.read_failed_again(began_at)
    for each in landed:
        context.log.info(visible(f"{each.path}: {each.state}, {each.records} records. {each.detail}"))
    bad = [visible(f"{each.path}: {each.detail}") for each in landed if each.is_bad]
    context.add_output_metadata({"files": len(landed), "records": sum(each.records for each in landed)})
    if bad:
        raise dg.Failure("; ".join(bad), allow_retries=False)


@dg.job(name=LAND, description="Takes settled files from the drop folders into the archive and the ledger.")
def land_job() -> None:
    """One op: the sources share the ledger, and one pass over the folders is cheap."""
    land_settled()


@dg.op(description="Polls the exchange until the time is over or every market has its result; then lands what it saw.")
def poll_live(context: dg.OpExecutionContext, workshop: dg.ResourceParam[Workshop]) -> None:
    """A cancelled run stores what was answered; its recording is landed by the next run of this or of `land`.

    It is not retried as other steps are: the schedule's next tick starts the session again.
    """
    hours = workshop.settings.automation.live_session.hours
    service = IngestionService.over(workshop)
    session = service.poll(timedelta(hours=hours), threading.Event(), tell=lambda text: context.log.info(visible(text)))
    context.add_output_metadata({**asdict(session.figures), "ticks": session.ticks, "recovered": session.recovered})
    bad = [visible(f"{each.path}: {each.detail}") for each in service.land_recordings() if each.is_bad]
    if not session.is_stored:
        bad.append(NOT_STORED)
    if bad:
        raise dg.Failure("; ".join(bad), allow_retries=False)


@dg.job(name=LIVE_SESSION, description="Live prices of the races ahead, up to the off and until their results.")
def live_job() -> None:
    """One op, bounded."""
    poll_live()
