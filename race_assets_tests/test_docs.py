"""The documents keep their word: generated pages are current, commands, queries, code and links in them work."""

import ast
import importlib.util
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import typer
import yaml

from race_assets import cli, settings
from race_assets.identity.tracks import TrackRegistry
from race_assets.schemas import catalogue, markdown
from race_assets.schemas.table import is_json
from race_assets.sources.base import ReadReport
from race_assets.validation import accepts
from race_assets_tests.conftest import PROJECT

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
GENERATED = ("TABLES.md", "API.md", "RULES.md")
HAND_WRITTEN = [page for page in PAGES if page.name not in GENERATED]

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
INLINE = re.compile(r"`(race-assets [^`]+)`")
PUNCTUATION = {"|", "||", "&", "&&", ";", ">", ">>", "<"}

pages = pytest.mark.parametrize("page", HAND_WRITTEN, ids=lambda page: page.name)


def blocks(page: Path, *languages: str) -> Iterator[str]:
    """The fenced blocks of a page in these languages."""
    for language, text in FENCE.findall(page.read_text(encoding="utf-8")):
        if language in languages:
            yield text


def lines(page: Path) -> Iterator[str]:
    """Shell lines of a page, continued ones joined; of a console block the ones with a prompt."""
    for language, text in FENCE.findall(page.read_text(encoding="utf-8")):
        yield from shell_lines(language, text)


def shell_lines(language: str, text: str) -> Iterator[str]:
    """Those of one block, if it is one."""
    if language == "sh":
        yield from filter(None, text.replace("\\\n", " ").splitlines())
    elif language == "console":
        yield from (line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ "))


def commands(page: Path) -> list[list[str]]:
    """The arguments of every `race-assets` command on a page."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    found = []
    for line in [*lines(page), *INLINE.findall(prose)]:
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        for words in split(list(lexer)):
            names = [word.rpartition("/")[2] for word in words]
            if "race-assets" in names:
                found.append(words[names.index("race-assets") + 1 :])
    return found


def split(words: list[str]) -> Iterator[list[str]]:
    """The words of a line, command by command."""
    command: list[str] = []
    for word in [*words, ";"]:
        if word in PUNCTUATION:
            yield command
            command = []
        else:
            command.append(word)


@pytest.mark.parametrize("name", GENERATED)
def test_generated_pages_are_current(name: str, tmp_path: Path) -> None:
    markdown.main(tmp_path)
    (tmp_path / "RULES.md").write_text(accepts.page(settings.Settings()), encoding="utf-8")
    written = (PROJECT / "docs" / name).read_text(encoding="utf-8")
    assert (tmp_path / name).read_text(encoding="utf-8") == written, f"docs/{name} is out of date: run `make docs`"


def test_every_column_has_a_type_and_a_meaning() -> None:
    for name, schema in catalogue.IN_POSTGRES.items():
        for column, declared in schema.columns.items():
            assert markdown.postgres_type(declared), f"{name}.{column}"
            assert declared.description, f"{name}.{column}"


def test_types_are_those_of_the_database(database: str) -> None:
    query = """select format_type(a.atttypid, null), not a.attnotnull from pg_attribute as a
               where a.attrelid = %s::regclass and a.attname = %s"""
    names = {"timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp"}
    with psycopg.connect(database) as connection:
        for name, schema in catalogue.IN_POSTGRES.items():
            for column, declared in schema.columns.items():
                row = connection.execute(query, [name, column]).fetchone()
                assert row is not None, f"{name}.{column}"
                assert names.get(row[0], row[0]) == markdown.postgres_type(declared), f"{name}.{column}"
                assert is_json(declared) == (row[0] == "jsonb")


def test_the_api_page_names_no_private_thing() -> None:
    for heading in re.findall(r"^#+ .*$|^- `.*?`", markdown.api(markdown.PACKAGE), re.MULTILINE):
        assert not re.search(r"[ `.]_[a-z]", heading.partition("(")[0]), heading


@pages
def test_commands_exist_with_their_options(page: Path) -> None:
    group = typer.main.get_command(cli.app)
    known = group.commands  # type: ignore[attr-defined]  # a Typer app with several commands is a group
    for name, *arguments in commands(page):
        assert name in known, f"{page.name}: race-assets {name}"
        command, given = known[name], list(arguments)
        below = getattr(command, "commands", {})
        if given and given[0] in below:
            command = below[given.pop(0)]
        # A mention by name alone is no call. Raises where an option does not exist, or an argument is missing or wrong.
        if given:
            command.make_context(name, given)


def test_the_documents_show_every_command() -> None:
    shown = {name for page in HAND_WRITTEN for name, *_ in commands(page)}
    assert shown == set(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]


def test_a_command_with_a_made_up_option_is_found_out() -> None:
    with pytest.raises(Exception, match="--colour"):
        typer.main.get_command(cli.app).commands["ingest"].make_context("ingest", ["--colour"])  # type: ignore[attr-defined]


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in HAND_WRITTEN:
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"`make ([a-z-]+)`", text) + [
            words[1] for line in lines(page) if (words := line.split()) and words[0] == "make"
        ]
        assert set(named) <= targets, page.name


@pages
def test_queries_run(page: Path, database: str) -> None:
    """On empty tables: names and types are what is tried."""
    given = [words[1] for words in commands(page) if words[0] == "query" and len(words) > 1]
    with psycopg.connect(database) as connection:
        for text in [*blocks(page, "sql"), *given]:
            for statement in filter(str.strip, text.split(";")):
                connection.execute(statement.encode())


@pages
def test_code_parses_and_its_imports_exist(page: Path) -> None:
    for text in blocks(page, "python"):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module:
                module = importlib.import_module(node.module)
                missing = [each.name for each in node.names if not _has(module.__name__, each.name)]
                assert not missing, f"{page.name}: {node.module} has no {missing}"


def _has(module: str, name: str) -> bool:
    if hasattr(importlib.import_module(module), name):
        return True
    return importlib.util.find_spec(f"{module}.{name}") is not None


def test_reading_as_the_readme_says(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RACE_ASSETS_HOME", "RACE_ASSETS_POSTGRES__URL"):
        monkeypatch.setenv(name, environment[name])
    code = next(text for text in blocks(PROJECT / "README.md", "python") if "race_assets.read(" in text)
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102 - our own page
    assert {"selection_id", "dog_name", "track", "start_at"} <= set(names["frame"].columns)  # type: ignore[attr-defined]


def test_the_readmes_source_reads_a_file(tmp_path: Path) -> None:
    """The example of a new source is complete: it reads rows, counts a bad price, and finds the row again."""
    code = next(text for text in blocks(PROJECT / "README.md", "python") if "class ClubCsv" in text)
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)  # noqa: S102 - our own page
    path = tmp_path / "club.csv"
    off = "2024-06-27T14:36:00+01:00"
    path.write_text(
        f"track,off,runner,sp\nRomford,{off},1. Foo Bar,5/2\nRomford,{off},2. Foo Baz,x/2\n", encoding="utf-8"
    )
    source = names["ClubCsv"]()  # type: ignore[operator]
    (frame,) = list(source.read(path, path.name, ReadReport()))
    assert set(frame.columns) <= set(catalogue.PARSED.columns)
    assert frame["sp_decimal"].to_list() == [3.5, None]
    assert [each and each[0]["rule"] for each in frame["problems"].to_list()] == [None, "number"]
    offset = frame["byte_offset"][1]
    assert source.rows_as_read(path, [offset])[offset].text.endswith("2. Foo Baz,x/2")


@pages
def test_yaml_is_accepted(page: Path, tmp_path: Path) -> None:
    for text in blocks(page, "yaml"):
        file = tmp_path / "given.yaml"
        file.write_text(text, encoding="utf-8")
        if text.startswith("# tracks.yaml"):
            known = {track.track_id for track in TrackRegistry.load(file).tracks}
            assert {entry["id"] for entry in yaml.safe_load(text).get("tracks", [])} <= known
        else:
            settings.load(file, {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_point_at_something(page: Path) -> None:
    for link in LINK.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


def anchors(page: Path) -> set[str]:
    """What headings of a page are linked by: lower case, blanks as dashes, no punctuation."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_names_a_machine(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"/(?:home|root|work|Users)/|pypi\.org|/simple\b", text)
