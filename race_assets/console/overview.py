"""What runs by itself, for people to read: on or off, and when next; changing that is the UI's."""

from datetime import UTC, datetime

import dagster as dg

from race_assets.definitions import defs
from race_assets.resources.instance import open_instance
from race_assets.values.cron import next_ticks


def overview(ticks: int) -> list[list[str]]:
    """One row per schedule and sensor: name, kind, state, next ticks."""
    repository = defs.get_repository_def()
    with open_instance() as instance:
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
    zone = schedule.execution_timezone or "UTC"
    times = next_ticks(str(schedule.cron_schedule), zone, datetime.now(UTC), count)
    return ", ".join(f"{tick:%Y-%m-%d %H:%M} {zone}" for tick in times)
