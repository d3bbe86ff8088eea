"""A name is put into a user's `tracks.yaml` and all else stays, byte by byte."""

import pytest
import yaml

from race_assets.errors import SettingsError
from race_assets.identity.alias_text import with_alias

ADDED = "Coral Romford"
BLOCK = """# Our own names.
aliases:   # from the club
    gb-romford:
    - Romfrd   # a typo of theirs
    # more to come

    gb-hove: [Hove A, 'Hove B']  # two

# The end.
tracks: []
"""
# Text, and which of its lines (from 0) is another or stands before a new one afterwards.
WRITTEN = {
    "block": BLOCK,
    "flow names": "aliases: # x\n  gb-romford: [a, b]  # y\n",
    "flow names over lines": "aliases:\n  gb-romford: [\n    a, # one\n    b, # two\n  ]\n",
    "no names": "aliases:\n  gb-romford:   # none yet\n  gb-hove: [x]\n",
    "an empty list": "aliases:\n  gb-romford: [] # none yet\n",
    "null": "aliases:\n  gb-romford: null # none yet\n",
    "no track": "aliases:\n  gb-hove:\n    - x  # y\n# z\n",
    "flow aliases": "aliases: {gb-hove: [x]} # y\n",
    "flow aliases with the track": "aliases: {gb-romford: [x], gb-hove: [y]} # z\n",
    "nothing below aliases": "aliases: # none\ntracks: []\n",
    "no aliases": "# ours\ntracks: []   # none\n",
    "comments only": "# ours\n",
    "nothing": "",
    "no end of line": "aliases:\n  gb-hove:\n    - x",
    "other line ends": "aliases:\r\n  gb-romford:\r\n    - x # y\r\n",
    "a mark": "\ufeffaliases:\n  gb-romford:\n    - x\n",
}


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("name", [ADDED, "No: 5, #1", "5", "No", "“Ó'Brien”", '"', "(AUS)"])
def test_the_name_is_added_and_no_line_of_the_rest_is_lost(text: str, name: str) -> None:
    grown = with_alias(text, "gb-romford", name)
    before = yaml.safe_load(text) or {}
    after = yaml.safe_load(grown)
    assert after["aliases"]["gb-romford"] == [*((before.get("aliases") or {}).get("gb-romford") or []), name]
    comments = [line.partition("#")[2] for line in text.splitlines() if "#" in line]
    kept = [line.rpartition("#")[2] for line in grown.splitlines()]
    assert [comment for comment in comments if comment not in kept] == []
    changed = [line for line in text.splitlines() if line not in grown.splitlines()]
    assert len(changed) <= 1
    assert ("\r\n" in text) == ("\r\n" in grown)


def test_a_block_gets_one_line_more_and_keeps_the_others() -> None:
    lines = BLOCK.splitlines()
    lines.insert(4, "    - Coral Romford")
    assert with_alias(BLOCK, "gb-romford", ADDED).splitlines() == lines


def test_a_second_name_is_added_behind_the_first() -> None:
    text = with_alias(with_alias("", "gb-romford", "One"), "gb-romford", "Two")
    assert text == "aliases:\n  gb-romford:\n    - One\n    - Two\n"


def test_what_cannot_be_added_to_is_refused_with_what_to_add() -> None:
    shared = "aliases:\n  gb-hove: &names\n    - x\n  gb-romford: *names\n"
    with pytest.raises(SettingsError, match="add Coral Romford to gb-romford below aliases by hand"):
        with_alias(shared, "gb-romford", ADDED)
