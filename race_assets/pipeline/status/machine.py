"""The state of what runs: the database server, Dagster's daemon, the last run, the last publishing."""

from dataclasses import dataclass
from datetime import datetime

from race_assets.pipeline.workshop import Workshop
from race_assets.storage.dagster_runs import HEARTBEAT_S, LastRun, heartbeat_age_s, last_run


@dataclass(frozen=True)
class MachineStatus:
    """What runs, and what ran last.

    Attributes:
        server: which database server it is.
        daemon_age_s: seconds since Dagster's daemon was last seen; None if never.
        run: the last run of Dagster's; None without any.
        published_at: when a day was last published, UTC.
        days: published days.
    """

    server: str
    daemon_age_s: float | None
    run: LastRun | None
    published_at: datetime | None
    days: int

    @property
    def is_daemon_running(self) -> bool:
        """Whether the daemon was seen a moment ago."""
        return self.daemon_age_s is not None and self.daemon_age_s <= HEARTBEAT_S


def status(workshop: Workshop) -> MachineStatus:
    """Return what runs, as the database knows it."""
    settings = workshop.settings
    server = "the server of postgres.url" if settings.postgres.url else f"embedded, in {settings.home / 'postgres'}"
    with workshop.warehouse.connect() as connection:
        row = connection.execute("select max(built_at), count(*) from ops.built_days").fetchone()
        published_at, days = row or (None, 0)
        return MachineStatus(server, heartbeat_age_s(connection), last_run(connection), published_at, days)
