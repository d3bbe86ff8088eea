"""What `race-assets doctor` shows; what is looked at is in `pipeline/doctor/`."""

from collections.abc import Sequence
from dataclasses import asdict

from race_assets.console import report, terminal
from race_assets.pipeline.doctor import apis, database, machine
from race_assets.pipeline.doctor.finding import PROBLEM, Finding, skipped
from race_assets.settings import Settings

STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red", "skipped": "dim"}


def run(settings: Settings, *, offline: bool) -> list[Finding]:
    """All findings, in a fixed order."""
    found = [*machine.findings(settings), *database.findings(settings)]
    if offline:
        return [*found, skipped("APIs", "told to ask none (--offline)")]
    if any(each.thing == "home" and each.state == PROBLEM for each in found):
        return [*found, skipped("APIs", "a session could not be kept: home cannot be written")]
    return [*found, *apis.findings(settings)]


def show(findings: Sequence[Finding], output: str) -> None:
    """A line for each finding, with the next step below it."""
    if output != "table":
        columns = list(Finding.__dataclass_fields__)
        report.rows(columns, [list(asdict(each).values()) for each in findings], output)
        return
    for each in findings:
        terminal.styled([(f"{each.state:8}", STYLES[each.state]), (f" {each.thing}: {each.said}", "")])
        if each.step:
            terminal.line(f"         next: {each.step}")
