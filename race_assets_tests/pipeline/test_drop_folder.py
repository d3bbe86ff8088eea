"""What lies in a drop folder is listed file by file; what cannot be read is named and holds up nothing else."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from race_assets.pipeline import drops
from race_assets.pipeline.drop_folder import listed
from race_assets.pipeline.workshop import Workshop
from race_assets_tests.pipeline.feed import CSV, CSV_HEADER, DAY1, DAY2, ask, csv_race

NOBODY = 65534
DEEPEST = 4096
"""Bytes a path may have in one call."""


@contextmanager
def as_nobody() -> Iterator[None]:
    """Run a block with the rights of an account that has none; root may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def top(tmp_path: Path) -> Iterator[Path]:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.geteuid() and not folder.stat().st_mode & 0o001:
            folder.chmod(folder.stat().st_mode | 0o011)
    top = tmp_path / "drops"
    top.mkdir(mode=0o755)
    yield top
    for path in [top, *top.rglob("*")]:
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o755)


def names(top: Path) -> list[str]:
    return [each.name for each in listed(top).files]


def test_a_folder_and_a_file_that_cannot_be_read_are_named_and_the_others_are_listed(top: Path) -> None:
    for folder in ("a_open", "b_shut", "c_listed_only", "d_open/shut"):
        (top / folder).mkdir(parents=True)
        (top / folder / "x.csv").write_text("x")
    (top / "z.csv").write_text("x")
    (top / "y_shut.csv").write_text("x")
    (top / "y_shut.csv").chmod(0)
    (top / "b_shut").chmod(0)
    (top / "c_listed_only").chmod(0o744 if os.geteuid() == 0 else 0o444)
    (top / "d_open" / "shut").chmod(0)
    with as_nobody():
        listing = listed(top)
    assert [each.name for each in listing.files] == ["a_open/x.csv", "z.csv"]
    shut = ["b_shut/", "c_listed_only/", "d_open/shut/", "y_shut.csv"]
    assert [each.name for each in listing.unreadable] == shut
    for each in listing.unreadable:
        assert each.path == str(top / each.name)
        assert "Permission denied" in each.reason
        assert "chmod" in each.reason
    assert listing.is_below_unreadable("b_shut/x.csv")
    assert listing.is_below_unreadable("y_shut.csv")
    assert not listing.is_below_unreadable("b_shut2/x.csv")


def test_a_drop_folder_that_cannot_be_read_itself_is_an_error(top: Path) -> None:
    top.chmod(0)
    with as_nobody(), pytest.raises(PermissionError):
        listed(top)
    with pytest.raises(FileNotFoundError):
        listed(top / "not there")


def test_a_folder_reached_by_several_links_is_listed_once_by_its_own_name(top: Path) -> None:
    (top / "z_real").mkdir()
    (top / "z_real" / "x.csv").write_text("x")
    (top / "a_link").symlink_to(top / "z_real")
    (top / "z_real" / "up").symlink_to(top)
    outside = top.parent / "outside"
    outside.mkdir()
    (outside / "y.csv").write_text("y")
    (top / "first").symlink_to(outside)
    (top / "second").symlink_to(outside)
    assert names(top) == ["first/y.csv", "z_real/x.csv"]


def test_links_that_multiply_are_walked_once(top: Path) -> None:
    """Thirty folders, each with two links to the next: 2^30 paths."""
    for number in range(30):
        (top / f"{number}").mkdir()
        for link in ("a", "b"):
            (top / f"{number}" / link).symlink_to(top / f"{number + 1}")
    (top / "29" / "x.csv").write_text("x")
    assert names(top) == ["29/x.csv"]


def test_pipes_sockets_hidden_and_unfinished_files_and_loops_are_left_alone(top: Path) -> None:
    os.mkfifo(top / "pipe.csv")
    (top / "loop.csv").symlink_to(top / "loop.csv")
    (top / "nowhere.csv").symlink_to(top / "not there")
    for name in (".hidden.csv", "half.csv.part", "HALF.CSV.TMP"):
        (top / name).write_text("x")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(top)
        try:
            listening.bind("socket.csv")
        finally:
            os.chdir(here)
        (top / "good.csv").write_text("x")
        listing = listed(top)
    assert ([each.name for each in listing.files], listing.unreadable) == (["good.csv"], [])


def test_odd_names_and_paths_that_are_too_long_stop_nobody(top: Path) -> None:
    (top / os.fsdecode(b"bad\xff.csv")).write_text("x")
    (top / "two\nlines.csv").write_text("x")
    (top / ("n" * 251 + ".csv")).write_text("x")
    here = Path.cwd()
    os.chdir(top)
    try:
        for _ in range(DEEPEST // 200 + 2):
            Path("d" * 200).mkdir()
            os.chdir("d" * 200)
    finally:
        os.chdir(here)
    listing = listed(top)
    assert [each.name for each in listing.files] == [r"bad\xff.csv", "n" * 251 + ".csv", "two\nlines.csv"]
    (too_long,) = listing.unreadable
    assert "nearer to the top" in too_long.reason
    # Nothing else removes what is too deep for one path.
    os.chdir(top)
    try:
        os.system("rm -rf ./ddd*")  # noqa: S605 - a folder of the test's own
    finally:
        os.chdir(here)


def test_files_below_a_folder_that_cannot_be_read_now_are_remembered_and_those_beside_it_land(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = workshop.settings.drop_folder(CSV)
    (inbox / "sub").mkdir(parents=True)
    (inbox / "sub" / "a.csv").write_text(CSV_HEADER + csv_race(DAY1))
    drops.look(workshop, CSV)
    (inbox / "b.csv").write_text(CSV_HEADER + csv_race(DAY2))
    unbroken = os.scandir

    def scandir(path: str | Path) -> object:
        if path == inbox / "sub":
            raise PermissionError(13, "Permission denied")
        return unbroken(path)

    monkeypatch.setattr(os, "scandir", scandir)
    landed = drops.land_by_hand(workshop, CSV)
    assert [(each.state, os.path.relpath(each.path, inbox)) for each in landed] == [
        ("landed", "b.csv"), ("failed", "sub"),
    ]  # fmt: skip
    assert landed[1].is_bad
    assert ask(workshop, "select name from ops.watched_files order by name") == [("b.csv",), ("sub/a.csv",)]
    monkeypatch.undo()
    assert [(each.state, Path(each.path).name) for each in drops.land_by_hand(workshop, CSV)] == [("landed", "a.csv")]


def test_a_file_that_is_removed_while_it_is_landed_needs_nobody(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox = workshop.settings.drop_folder(CSV)
    inbox.mkdir(parents=True)
    for name in ("a.csv", "b.csv"):
        (inbox / name).write_text(CSV_HEADER + csv_race(DAY1, dogs=f"{name[0]}lpha Beta"))
    unbroken = drops.land.land

    def removing(*arguments: object) -> object:
        (inbox / "a.csv").unlink()
        return unbroken(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(drops.land, "land", removing)
    assert [(each.state, Path(each.path).name) for each in drops.land_by_hand(workshop, CSV)] == [("landed", "b.csv")]
