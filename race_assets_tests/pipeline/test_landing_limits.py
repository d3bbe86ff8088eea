"""What landing does with files that hold too much, and when the machine has no more memory for one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from race_assets.cli import main
from race_assets.errors import OutOfMemoryError, is_out_of_memory
from race_assets.pipeline import land as landing
from race_assets.pipeline.land import Landed, land, named
from race_assets.pipeline.workshop import Workshop
from race_assets.sources.betfair.betfair_csv import BetfairCsv
from race_assets.validation import rows

HEADER = "event_id,event_name,track,start_time,selection_id,selection_name,price,volume\n"


def landed(workshop: Workshop, path: Path, text: str) -> Landed:
    path.write_text(text)
    (result,) = land(workshop, "betfair_csv", named([path]))
    return result


def unknown_tracks(count: int) -> str:
    return HEADER + "".join(
        f"{n},E,Nowhere{n:04},2024-06-27T17:36:00Z,{n},1. Invented Dog,3.5,1\n" for n in range(count)
    )


def test_rows_without_a_day_are_rejected_with_the_advice_that_anybody_reads(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_ADVISED", 3)
    asked = []
    advice = type(workshop.tracks).advice
    monkeypatch.setattr(type(workshop.tracks), "advice", lambda *each: (asked.append(each), advice(*each))[1])
    result = landed(
        workshop, tmp_path / "a.csv", unknown_tracks(20) + "1,E,,2024-06-27T17:36:00Z,1,1. Dog,2,1\n" + '1,"E\n'
    )
    assert (result.state, result.records, result.undated) == ("landed", 22, 22)
    assert len(asked) == 3
    with workshop.warehouse.transaction() as connection:
        cursor = connection.execute("select rules, messages from quarantine.rejects order by source_row")
        found = [(rule, message) for (rule,), (message,) in cursor.fetchall()]
    names = [f"track 'Nowhere{n:04}' is not in the registry, so the local date cannot be told; " for n in range(20)]
    assert [rule for rule, _ in found] == ["track_known"] * 21 + ["text"]
    assert [message.startswith(name) for name, (_, message) in zip(names, found, strict=False)] == [True] * 20
    assert sum(rows.LOOK_FOR_IT in message for _, message in found) == 17
    assert found[20][1].startswith(rows.NO_TRACK)
    assert "never closed" in found[21][1]


def test_a_file_with_too_many_rows_without_a_day_is_unreadable(make_settings: Any, tmp_path: Path) -> None:
    workshop = Workshop(make_settings(file_limits={"max_undated_rows": 10}))
    result = landed(workshop, tmp_path / "a.csv", unknown_tracks(11))
    assert result.state == "unreadable"
    assert "the day of over 10 of its rows cannot be told, such as row 2 (track 'Nowhere0000'" in result.detail
    assert "file_limits.max_undated_rows" in result.detail
    assert landed(workshop, tmp_path / "b.csv", unknown_tracks(10)).undated == 10


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        OSError(12, "Cannot allocate memory"),
        pl.exceptions.ComputeError("memory allocation of 17179869184 bytes failed"),
        pl.exceptions.PanicException("capacity overflow"),
        RuntimeError("malloc of size 128 failed"),
    ],
    ids=lambda each: type(each).__name__,
)
def test_too_little_memory_is_no_fault_of_race_assets(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def failing(*_: object) -> Iterator[pl.DataFrame]:
        raise error
        yield pl.DataFrame()

    monkeypatch.setattr(BetfairCsv, "read", failing)
    result = landed(workshop, tmp_path / "a.csv", unknown_tracks(1))
    assert result.state == "failed"
    assert "fault of race_assets" not in result.detail
    assert "emory" in result.detail


def test_a_command_without_memory_says_so_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing() -> None:
        raise MemoryError

    monkeypatch.setattr("race_assets.cli.app", failing)
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 1
    assert capsys.readouterr().err.strip() == str(OutOfMemoryError())


def test_other_errors_are_not_taken_for_it() -> None:
    assert not is_out_of_memory(ValueError("price 3"))
    assert not is_out_of_memory(OSError(28, "No space left on device"))


def test_rejects_that_are_no_longer_stated_are_found_by_one_join() -> None:
    """`not in` compares each with each once they do not fit into work_mem: 200,000 rejects took over 150 s."""
    package = Path(landing.__file__).parent.parent
    texts = {path: path.read_text().lower() for path in package.rglob("*.py")}
    assert [str(path) for path, text in texts.items() if "not in (select" in text] == []
