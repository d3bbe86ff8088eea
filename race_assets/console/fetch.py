"""What `race-assets fetch` shows: what came, what was known, what is not to be had; fetching is in `pipeline/`."""

from race_assets.console import report
from race_assets.pipeline.fetch import Fetched, Outlook

SHOWN_FILES = 20


def show(fetched: Fetched) -> None:
    """The end of a fetch; its files were shown as they came."""
    for gap in fetched.gaps:
        (report.failure if gap.is_failure else report.line)(gap.reason)
    for name, reason in fetched.failed.items():
        report.failure(f"{name}: {reason}")
    states = list(fetched.states.values())
    told = ", ".join(f"{states.count(state):,} {state}" for state in sorted(set(states))) or "none came"
    report.line(f"{len(states):,} files fetched ({told}); {fetched.known:,} were in the archive already")
    traffic = fetched.traffic
    builds = " `race-assets ingest` builds their days." if "landed" in states else ""
    report.line(
        f"{traffic.requests:,} requests, {traffic.retries:,} of them repeated, {traffic.bytes_in:,} bytes, "
        f"{traffic.waited_s:,.1f} s waited, in {fetched.seconds:,.1f} s.{builds}"
    )


def show_outlook(outlook: Outlook) -> None:
    """What a fetch would ask for."""
    for remote in outlook.remotes[:SHOWN_FILES]:
        report.line(remote.name)
    if len(outlook.remotes) > SHOWN_FILES:
        report.line(f"… and {len(outlook.remotes) - SHOWN_FILES:,} more")
    for gap in outlook.gaps:
        (report.failure if gap.is_failure else report.line)(gap.reason)
    report.line(f"{len(outlook.remotes):,} files would be asked for; {outlook.known:,} are in the archive")
    extent = outlook.extent
    if extent.files is not None:
        kinds = ", ".join(f"{name} {count:,}" for name, count in sorted(extent.kinds.items()))
        report.line(
            f"for these days the API has {extent.files:,} files of at most {extent.megabytes:,} MB in all"
            + (f" ({kinds})" if kinds else "")
        )
    else:
        report.line("how large they are, the site does not say")
