"""Every way of setting up a server, address or shell works, or is rejected in one sentence that doctor says too."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from race_assets_tests.any_server import cluster as clusters
from race_assets_tests.any_server.matrix import STEPS, Server, outcomes
from race_assets_tests.any_server.settings import ALL, Setting

MOST_CHARACTERS = 700


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One cluster for all."""
    if not clusters.BINARIES:
        pytest.skip(clusters.MISSING)
    with clusters.cluster() as made:
        yield Server(made)


@pytest.mark.parametrize("setting", ALL, ids=lambda setting: setting.name)
def test_it_works_or_is_rejected_in_one_sentence(server: Server, setting: Setting, tmp_path: Path) -> None:
    if setting.pool_mode and not clusters.PGBOUNCER:
        pytest.skip(clusters.NO_POOLER)
    found = outcomes(server.prepare(setting), setting, tmp_path / "home")
    doctor = found.pop("doctor")
    if not setting.refused:
        assert found == dict.fromkeys(STEPS[:-1], "ok")
    for step, outcome in found.items():
        if outcome == "ok" or (step == "query" and outcome == "no rows"):
            assert not setting.refused or step in setting.works, step
        else:
            assert step not in setting.works, outcome
            assert setting.refused in outcome, step
            assert len(outcome) < MOST_CHARACTERS, step
            assert not any(word in outcome for word in ("TRACEBACK", "Traceback", "fault of race_assets")), step
    assert (setting.doctor in doctor) if setting.doctor else doctor == "ok"
