"""Text that others wrote, shown on a terminal, on a page and in a sheet: nothing in it is hidden, and nothing acts."""

import ast
import json
import subprocess
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from race_assets.display import html, json_text, markdown, sheet_cell, shell_word, visible, visible_lines
from race_assets.errors import SettingsError, UnreadableFileError
from race_assets_tests.conftest import PROJECT

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))
HIDDEN_CATEGORIES = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def hidden_in(text: str) -> set[str]:
    """Return the characters of the text that are not seen, by what Unicode says of each."""
    return {each for each in text if unicodedata.category(each) in HIDDEN_CATEGORIES}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ballymac Best", "Ballymac Best"),
        ("Él Niño 犬", "Él Niño 犬"),
        ("\x1b]0;owned\x07Dog", r"\x1b]0;owned\x07Dog"),
        ("two\nlines\r\n\tand", r"two\nlines\r\n\tand"),
        ("nul\0", r"nul\0"),
        ("c1\x9b31m\x7f", r"c1\x9b31m\x7f"),
        ("\u202egpj.exe", r"\u202egpj.exe"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("half\ud800 \udcff", r"half\ud800 \udcff"),
        ("tag\U000e0041", r"tag\U000e0041"),
        (r"C:\new", r"C:\new"),
    ],
)
def test_hidden_characters_are_written_out(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(ANY_TEXT)
def test_nothing_that_is_shown_is_hidden(text: str) -> None:
    assert not hidden_in(visible(text))
    assert not hidden_in(visible_lines(text)) - {"\n"}
    assert visible(visible(text)) == visible(text)
    assert visible_lines(visible_lines(text)) == visible_lines(text)


@given(ANY_TEXT)
def test_a_name_with_line_ends_begins_no_line_of_its_own(text: str) -> None:
    assert all(line[:1] in {"", " "} for line in visible_lines(f"file {text}").split("\n")[1:])


def test_a_message_of_ours_is_visible_wherever_it_ends_up() -> None:
    error = UnreadableFileError("unreadable", "track '\x1b[2J\nok' is unknown")
    assert str(error) == error.detail == "track '\\x1b[2J\n  ok' is unknown"
    assert str(SettingsError("\u202ename")) == r"\u202ename"


def live_parts(page: str) -> list[str]:
    """Return what a page of Markdown has besides text and code."""
    inert = {"text", "code_inline", "softbreak", "hardbreak", "text_special"}
    return [
        child.type
        for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(page)
        for child in [token, *(token.children or [])]
        if child.type == "html_block" or (child in (token.children or []) and child.type not in inert)
    ]


@pytest.mark.parametrize(
    "name",
    [
        "![x](https://evil.example/pixel.png)", "[click](javascript:alert(1))", "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script>", "https://evil.example", "www.evil.example", "a@evil.example", "`code` ![x](y)",
        "*bold* _it_ ~~no~~", "a | b", "a \\| b", "&lt;b&gt;", "``", "`", "<!-- -->", "\x1b[31m|\n| new row |",
    ],
)  # fmt: skip
def test_nothing_in_a_cell_of_a_markdown_table_acts(name: str) -> None:
    page = f"| dog | trap |\n|---|---|\n| {markdown(name)} | 1 |\n"
    assert live_parts(page) == []
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(page)
    assert rendered.count("<td>") == 2
    assert "<td>1</td>" in rendered
    # Dagster's page links what looks like an address in its text, not in its code.
    outside_code = "".join(part.partition("</code>")[2] or part for part in rendered.split("<code>"))
    assert "evil.example" not in outside_code


@given(ANY_TEXT)
def test_no_text_acts_in_a_markdown_table(text: str) -> None:
    page = f"| dog | trap |\n|---|---|\n| {markdown(text)} | 1 |\n"
    assert live_parts(page) == []
    assert MarkdownIt("commonmark", {"html": True}).enable("table").render(page).count("<td>") == 2


@pytest.mark.parametrize("name", ["Ballymac Best", "O'Hara's Dog", "betfair_bsp", "14:36", "12.5", "No. 7 (AUS)", "é"])
def test_usual_names_stay_as_they_are_in_markdown(name: str) -> None:
    assert markdown(name) == name


@given(ANY_TEXT)
def test_no_text_is_an_element_of_html(text: str) -> None:
    class Reader(HTMLParser):
        tags: tuple[str, ...] = ()
        words = ""

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.tags += (tag, *(f"{name}={value}" for name, value in attrs))

        def handle_data(self, data: str) -> None:
            self.words += data

    reader = Reader()
    reader.feed(f'<p title="{html(text)}">{html(text)}</p>')
    reader.close()
    assert reader.tags == ("p", f"title={visible(text)}")
    assert reader.words == visible(text)


@pytest.mark.parametrize(
    "word", ["plain", "it's", "a b", "\x1b[31m", "two\nlines", "\u202ename", "\udcff'\\x", "1\x019", "$(rm x)\x07`y`"]
)
def test_a_word_that_is_copied_is_the_name_itself(word: str) -> None:
    shown = shell_word(word)
    assert not hidden_in(shown)
    done = subprocess.run(["bash", "-c", f"printf %s {shown}"], capture_output=True, check=True)
    assert done.stdout == word.encode("utf-8", "surrogateescape")


@given(st.lists(ANY_TEXT))
def test_json_means_the_same_with_hidden_characters_written_out(texts: list[str]) -> None:
    shown = json_text(json.dumps(texts, ensure_ascii=False, indent=1))
    assert json.loads(shown) == texts
    assert not hidden_in(shown) - {"\n"}


@pytest.mark.parametrize(
    "text", ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", " =1", "\t=1", "\r=1", "\uff1d1", "+ Dog"]
)
def test_no_text_is_a_formula_of_a_sheet(text: str) -> None:
    assert sheet_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-5", "+3.25", "-1e-7", -5, -2.5, None, "", "Dog", "1=2", "-12.5%"])
def test_other_cells_of_a_sheet_stay(value: object) -> None:
    assert sheet_cell(value) == value


# --- where text leaves the package

PACKAGE = PROJECT / "race_assets"
PRINTING = {"echo", "secho", "print", "print_exception", "print_exc"}
PRINTERS = {"console/terminal.py"}
FRAMES = {"sources/betfair/stream/worker.py"}
"""Writes frames of bytes to the process that started it."""
DAGSTER_TEXTS = {"log", "Failure", "SkipReason", "AssetCheckResult"}


def calls(path: Path) -> Iterator[tuple[ast.Call, str, str]]:
    """Each call of a file, with what is called and its last name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            yield node, name, name.rpartition(".")[2]


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), path


def test_only_one_module_prints() -> None:
    broken = [
        f"{module}:{node.lineno} {name}"
        for module, path in modules()
        if module not in PRINTERS
        for node, name, last in calls(path)
        if last in PRINTING or name.startswith(("sys.stdout.write", "sys.stderr.write"))
    ]
    assert not broken, "print with race_assets.console.terminal, which makes names and texts from elsewhere visible"
    texts = {module for module, path in modules() if "sys.stdout" in path.read_text(encoding="utf-8")}
    assert texts == PRINTERS | FRAMES


def test_markdown_for_dagster_is_made_in_one_module() -> None:
    broken = [
        f"{module}:{node.lineno}"
        for module, path in modules()
        if module != "assets/metadata.py"
        for node, name, last in calls(path)
        if last == "MarkdownMetadataValue" or name.endswith("MetadataValue.md")
    ]
    assert not broken, "use race_assets.assets.metadata, whose cells are escaped"


def is_inert(node: ast.expr) -> bool:
    """Return whether a text is a constant of ours, is made visible, or is a message of ours, which is visible."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in {"visible", "markdown"} or ast.unparse(node) == "str(error)"
    return False


def test_texts_for_dagster_s_logs_are_made_visible() -> None:
    broken = [
        f"{module}:{node.lineno} {ast.unparse(node)}"
        for module, path in modules()
        if module.startswith(("assets/", "automation/", "retries"))
        for node, name, last in calls(path)
        if (".log." in name and last in {"debug", "info", "warning", "error", "critical"} and "context" in name)
        if not is_inert(node.args[0])
    ]
    assert not broken


def test_the_settings_that_are_suggested_for_a_file_hold_no_line_of_the_file_s() -> None:
    from race_assets.sources.csv_feed.suggest import _scalar

    name = "dog\u202e\nname: x\x1b #"
    assert not hidden_in(_scalar({"column": name}))
    assert yaml.safe_load(_scalar({"column": name})) == {"column": name}
