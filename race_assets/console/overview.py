"""What runs by itself, for people to read: on or off, and when next; changing that is the UI's."""

from datetime import UTC, datetime
from itertools import islice

import dagster as dg

from race_assets.definitions import defs


def overview(ticks: int) -> list[list[str]]:
    """One row per schedule and sensor: name, kind, state, next ticks."""
    repository = defs.get_repository_def()
    with dg.DagsterInstance.get() as instance:
        states = {state.instigator_name: state.status.value for state in instance.all_instigator_state()}
    rows = [
        [each.name, "schedule", _state(states.get(each.name), each.default_status), _ticks(each, ticks)]
        for each in repository.schedule_defs
    ]
    rows += [
        [
            each.name,
            "sensor",
            _state(states.get(each.name), each.default_status),
            f"every {each.minimum_interval_seconds} s while the daemon runs",
        ]
        for each in repository.sensor_defs
    ]
    return rows


def _state(stored: str | None, default: dg.DefaultScheduleStatus | dg.DefaultSensorStatus) -> str:
    value = default.value if stored in {None, "DECLARED_IN_CODE"} else stored
    return "on" if value in {"RUNNING", "AUTOMATICALLY_RUNNING"} else "off"


def _ticks(schedule: dg.ScheduleDefinition, count: int) -> str:
    from dagster._utils.schedules import cron_string_iterator

    zone = schedule.execution_timezone or "UTC"
    times = cron_string_iterator(datetime.now(UTC).timestamp(), str(schedule.cron_schedule), zone)
    return ", ".join(f"{tick:%Y-%m-%d %H:%M} {zone}" for tick in islice(times, count))
