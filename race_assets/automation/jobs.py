"""The jobs: `ingest` builds days, `land` takes settled files in; when they run is decided elsewhere."""

from typing import Any, TypeAlias

import dagster as dg

from race_assets.errors import PermanentError
from race_assets.pipeline import drops
from race_assets.pipeline.land import Landed, bring_up_to_date
from race_assets.pipeline.workshop import Workshop

IngestJob: TypeAlias = Any
"""An asset job before it meets its assets: Dagster exports no name for its type."""

INGEST = "ingest"
LAND = "land"


def ingest_job() -> IngestJob:
    """All assets, for a day or a range of days in one run."""
    return dg.define_asset_job(
        INGEST,
        selection=dg.AssetSelection.all(),
        description="Builds days from the landed files: raw, validated, core.",
    )


@dg.op(description="Lands every settled file of every enabled source, and reads anew what a newer parser reads better.")
def land_settled(context: dg.OpExecutionContext, workshop: dg.ResourceParam[Workshop]) -> None:
    """Fails at the end when a file or folder could not be read; the good files are landed all the same."""
    bad: list[str] = []
    landed: list[Landed] = bring_up_to_date(workshop)
    for source in workshop.enabled:
        try:
            landed += drops.land_by_hand(workshop, source)
        except PermanentError as error:
            bad.append(str(error))
    for each in landed:
        context.log.info("%s: %s, %s records. %s", each.path, each.state, each.records, each.detail)
    bad += [f"{each.path}: {each.detail}" for each in landed if each.is_bad]
    context.add_output_metadata({"files": len(landed), "records": sum(each.records for each in landed)})
    if bad:
        raise dg.Failure("; ".join(bad), allow_retries=False)


@dg.job(name=LAND, description="Takes settled files from the drop folders into the archive and the ledger.")
def land_job() -> None:
    """One op: the sources share the ledger, and one pass over the folders is cheap."""
    land_settled()
