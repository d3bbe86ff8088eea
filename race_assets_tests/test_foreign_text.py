"""Names that others chose, planted wherever there is room for one, are shown by every output and act in none."""

import csv
import io
import json
import logging
import os
import subprocess
import unicodedata
from collections.abc import Callable, Iterator
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from markdown_it import MarkdownIt

from race_assets import IngestionService, errors
from race_assets.assets import checks, metadata
from race_assets.console import day_page, report, terminal
from race_assets.display import visible
from race_assets.observability import logs
from race_assets.pipeline.land import Landed, land
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import LoggingSettings, Settings
from race_assets_tests.pipeline.feed import CSV_HEADER, csv_row

DAY = date(2024, 6, 26)
WICKED = [
    "\x1b[31mRed", "\x1b]0;title\x07Bell", "\x1b]8;;https://evil.example\x1b\\Link", "\x9b2JClear", "Back\x08\x08",
    "Car\rriage", "Tab\tbed", "\u202egnp.exe", "\u2066Isolate", "Zero\u200bWidth", "\ufeffMark", "Line\u2028End",
    "Soft\xadHyphen", "\U000e0041Tag", "\x7fDelete", "![x](https://evil.example/a.png)", "[click](javascript:x)",
    "<img src=x onerror=alert(1)>", "<script>x</script>", "https://evil.example", "`x` | y", "=HYPERLINK(1)", "@SUM(1)",
    "+1|x", "&lt;b&gt;",
]  # fmt: skip
"""Dogs' names. Commas and quotes are left out, to keep the file simple."""
TRACK = "\x1b]0;owned\x07Track\u202e"
FILE = "day\x1b[2J\nlanded  forged line\u202e.csv"


def hidden_in(text: str) -> set[str]:
    """Return the characters of an output that are not seen, but for the ends of its lines."""
    return {each for each in text if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}} - {"\n"}


def asked(workshop: Workshop, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Return the columns and rows of a query."""
    with workshop.warehouse.connect() as connection:
        cursor = connection.execute(query.encode())
        return [column.name for column in cursor.description or []], cursor.fetchall()


@pytest.fixture
def planted(workshop: Workshop, tmp_path: Path) -> Workshop:
    """A day with every wicked name, from a file with one, and a row of a track with one."""
    tracks = ["Romford", "Kinsley", "Monmore", "Towcester", "Sheffield"]
    rows = [
        csv_row(DAY, f"{number % 6 + 1}. {name}", selection=number, track=tracks[number // 6])
        for number, name in enumerate(WICKED)
    ]
    rows.append(csv_row(DAY, "1. Usual Dog", selection=99, track=TRACK))
    path = tmp_path / FILE
    path.write_text(CSV_HEADER + "".join(rows), encoding="utf-8")
    service = IngestionService(workshop.settings)
    (landed,) = land(service.workshop, "betfair_csv", [(path, FILE)])
    assert landed.state == "landed"
    service.build([DAY], "a-run")
    return service.workshop


def test_every_command_shows_names_and_prints_nothing_that_a_terminal_acts_on(
    planted: Workshop, command: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    with planted.warehouse.connect() as connection:
        query = "select reject_id from quarantine.rejects where rules @> array['track_known']"
        ((reject,), *_) = connection.execute(query).fetchall()
    file = str(tmp_path / FILE)
    shown = {
        "land": command("land", file, "--source", "betfair_csv"),
        "land of what is missing": command("land", f"{file}x", "--source", "betfair_csv"),
        "an option": command("land", f"--{FILE}"),
        "a command": command(FILE),
        "a source": command("land", file, "--source", TRACK),
        "feed suggest": command("feed", "suggest", file),
        "rejects": command("rejects"),
        "rejects show": command("rejects", "show", reject),
        "rejects explain": command("rejects", "explain", reject),
        "diff": command("diff", str(DAY)),
        "status": command("status", "--day", str(DAY)),
        "doctor": command("doctor", "--offline"),
        "metrics": command("metrics", "--once"),
        "tracks find": command("tracks", "find", TRACK),
        "links": command("links", "explain", TRACK, FILE),
    }
    assert not {name: hidden for name, done in shown.items() if (hidden := hidden_in(done.stdout + done.stderr))}
    assert not [name for name, done in shown.items() if "Traceback" in done.stderr]
    lines = shown["land"].stdout.splitlines()
    assert lines[0].startswith(f"known        {visible(file)}  ")
    assert not [line for line in lines if line.startswith("landed  forged")]
    explained = shown["rejects explain"].stdout
    assert visible(TRACK) in explained
    # The name itself, in a command that can be copied.
    assert r"$'\x1b]0;owned\x07Track\xe2\x80\xae'" in explained
    assert r"$'day\x1b[2J\x0alanded  forged line\xe2\x80\xae.csv'" in explained


def test_a_query_is_shown_in_tables_and_is_exact_for_programs(
    planted: Workshop, capsys: pytest.CaptureFixture[str]
) -> None:
    columns, rows = asked(planted, "select dog_name from core.selections order by selection_id")
    names = [row[0] for row in rows]
    assert len(set(names)) >= 20
    report.rows(columns, rows, "table")
    table = capsys.readouterr().out
    assert not hidden_in(table)
    assert [line.rstrip() for line in table.splitlines()[1:]] == [visible(name).rstrip() for name in names]
    report.rows(columns, rows, "json")
    text = capsys.readouterr().out
    assert [row["dog_name"] for row in json.loads(text)] == names
    assert not hidden_in(text)
    report.rows(columns, rows, "csv")
    assert [row[0] for row in csv.reader(io.StringIO(capsys.readouterr().out, newline=""))] == ["dog_name", *names]
    report.rows(columns, rows, "sheet")
    sheet = [row[0] for row in csv.reader(io.StringIO(capsys.readouterr().out, newline=""))]
    assert sheet[0] == "\ufeffdog_name"
    assert [cell.removeprefix("'") for cell in sheet[1:]] == names
    assert not [cell for cell in sheet[1:] if cell[:1] in {"=", "+", "-", "@"}]


def test_data_for_programs_is_made_visible_where_it_meets_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    monkeypatch.setattr("sys.stdout", out)
    terminal.data('race_assets_x{source="a\x1b[2J"} 1\nb\n')
    assert out.getvalue() == 'race_assets_x{source="a\\x1b[2J"} 1\nb\n'


def test_the_report_shows_every_name_and_is_one_page(planted: Workshop) -> None:
    page = day_page.page(planted, DAY)
    assert not hidden_in(page)
    assert "<script" not in page
    assert "<img" not in page
    names = [row[0] for row in asked(planted, "select dog_name from core.selections")[1]]
    assert not [name for name in names if visible(name) not in unescape(page)]


def acting(page: str) -> list[str]:
    """Return what a page of Markdown links, loads or takes as HTML."""
    found = MarkdownIt("commonmark", {"html": True}).enable("table").parse(page)
    inline = [child.type for token in found for child in token.children or []]
    return [kind for kind in [*inline, *(token.type for token in found)] if kind.startswith(("html", "link", "image"))]


def test_dagster_s_pages_show_names_as_text(planted: Workshop) -> None:
    _, rows = asked(planted, "select dog_name, race_id from core.selections")
    frame = pl.DataFrame(rows, schema=["dog_name", "race_id"], orient="row")
    landed = [Landed(name, "betfair_csv", "failed", f"cannot read {name}") for name in (*WICKED, FILE)]
    pages = [
        metadata.rows(frame).value,
        metadata.tally(dict.fromkeys(WICKED, 1)).value,
        metadata.calendar({name: [(DAY, "complete")] for name in WICKED}).value,
        *(str(checks.shape(dg.AssetKey("x"), [each], []).description) for each in landed),
        str(checks.fetched(dg.AssetKey("x"), WICKED, {}).description),
    ]
    assert [found for page in pages for found in acting(page or "")] == []
    assert not [page for page in pages if hidden_in(page or "")]


@pytest.fixture
def ours() -> Iterator[logging.Logger]:
    """The logger of race_assets, as it was before afterwards."""
    logger = logging.getLogger("race_assets")
    handlers, level, propagates = logger.handlers[:], logger.level, logger.propagate
    yield logger
    logger.handlers[:], logger.propagate = handlers, propagates
    logger.setLevel(level)


@pytest.mark.parametrize("form", ["console", "json"])
def test_a_log_line_is_one_line_whatever_it_names(
    form: Any, ours: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure(LoggingSettings(format=form, level="INFO"))
    for name in (*WICKED, FILE, TRACK, "\ud800"):
        ours.info("file %s entered", name, extra={"file": name, "days": [name]})
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(WICKED) + 3
    assert not hidden_in("".join(lines))
    if form == "json":
        assert [json.loads(line)["file"] for line in lines] == [*WICKED, FILE, TRACK, "\ud800"]
    try:
        raise ValueError(FILE)  # noqa: TRY301 - its traceback is what is looked at
    except ValueError:
        ours.exception("a fault")
    assert not hidden_in(capsys.readouterr().err)


@pytest.mark.parametrize("name", [*WICKED, FILE, TRACK, "nul\0", "half\ud800"])
def test_a_message_of_any_error_of_ours_is_visible(name: str) -> None:
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    assert len(kinds) > 8
    for kind in kinds:
        if kind is errors.UnreadableFileError:
            error: Exception = kind("unreadable", f"cell {name}")
        elif kind is errors.OutOfMemoryError:
            continue  # its text is always the same
        elif kind is errors.DayFailedError:
            error = kind({str(DAY): f"file {name}"})
        else:
            error = kind(f"the API answered {name}")
        assert not hidden_in(str(error))
        assert all(line.startswith("  ") for line in str(error).split("\n")[1:])


def test_a_wrong_name_in_a_call_of_the_service_is_visible(make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(errors.SettingsError) as caught:
        IngestionService(make_settings()).workshop.source(TRACK)
    assert visible(TRACK) in str(caught.value)
    assert not hidden_in(str(caught.value))


def test_a_file_whose_name_is_no_utf_8_is_shown(
    command: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
) -> None:
    path = tmp_path / os.fsdecode(b"day\xff.csv")
    path.write_text(CSV_HEADER + csv_row(DAY, "1. Dog", selection=1))
    done = command("land", path, "--source", "betfair_csv")
    assert done.returncode == 0, done.stderr
    assert r"day\xff.csv" in done.stdout
