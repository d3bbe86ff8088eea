"""Feeds suggested for header styles of public files: the right columns, every row passes, and never a wrong off."""

from pathlib import Path

import pytest
import yaml

from race_assets.pipeline.dry_run import dry_run
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.feed_corpus import score
from race_assets_tests.feed_corpus.styles import STYLES, Style

LEAST_STYLES = 25


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    """Tools over a home that is empty; no database is needed."""
    return Workshop(Settings(home=tmp_path_factory.mktemp("home")))


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_a_suggestion_has_the_right_columns_passes_its_own_sample_and_has_no_wrong_off(
    style: Style, workshop: Workshop, tmp_path: Path
) -> None:
    scored, done = score.of(style, workshop, tmp_path)
    found = done.suggestion
    assert found.is_racing == style.is_racing
    assert scored.wrong == {}
    assert scored.wrong_offs == 0
    assert (done.tried is not None) == (style.is_racing and style.expected["start_at"] is not None)
    if done.tried is not None:
        assert (scored.passed, done.tried.rejects.to_dicts()) == (1.0, [])
    assert style.says in " ".join(found.remarks)
    assert style.settings.items() <= found.more.items()
    if done.tried is None:
        return
    # The entry as it is printed does the same as the one that was tried.
    printed = yaml.safe_load(found.as_yaml("mine"))["sources"]["csv_feeds"]["mine"]
    settings = Settings.model_validate({"home": tmp_path / "home", "sources": {"csv_feeds": {"mine": printed}}})
    again = dry_run(Workshop(settings), Workshop(settings).source("mine"), tmp_path / style.file)
    assert again.account == done.tried.account


def test_the_corpus_has_as_many_styles_as_promised() -> None:
    assert len({style.name for style in STYLES}) >= LEAST_STYLES
