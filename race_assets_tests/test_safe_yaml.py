"""YAML that people write: read in time and memory bounded by its length, and rejected at once where it cannot be."""

from collections.abc import Callable
from pathlib import Path

import pytest

from race_assets.errors import SettingsError
from race_assets.identity.alias_text import with_alias
from race_assets.identity.tracks import TrackRegistry
from race_assets.settings import load, safe_yaml


def bomb(levels: int, times: int = 10) -> str:
    """Lists of which each repeats the one before."""
    lines = [f"a0: &a0 [{', '.join('x' * times)}]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * times)}]" for n in range(1, levels)]
    return "\n".join([*lines, f"coverage: *a{levels - 1}", ""])


TOO_MUCH = {
    "aliases of aliases": (bomb(9), "more than 200,000 values"),
    "merged mappings": (
        "a0: &a0 {k: [1,2,3,4,5,6,7,8,9,0]}\n"
        + "".join(f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}, <<: *a{n - 1}}}\n" for n in range(1, 20)),
        "more than 200,000 values",
    ),
    "an anchor that is set anew": (
        "a: &a [x,x]\n" + "".join(f"b{n}: &a [{','.join(['*a'] * 9)}]\n" for n in range(9)),
        "would hold itself",
    ),
    "a list that holds itself": ("a: &a [*a]\n", "would hold itself"),
    "20,000 lists in each other": ("[" * 20_000, "60 levels"),
    "20,000 mappings in each other": ("{a: " * 20_000, "60 levels"),
    "20,000 dashes": ("- " * 20_000, "60 levels"),
    "a large file": ("home: data\n" + "# comment\n" * 500_000, "4,194,304 characters"),
    "many keys": ("".join(f"k{n}: 1\n" for n in range(110_000)), "more than 200,000 values"),
    "a key twice": ("home: a\nhome: b\n", "home stands twice"),
    "a key twice, far below": ("a: {b: {c: [{d: 1, e: 2, d: 3}]}}\n", "d stands twice"),
    "a list as key": ("? [a, b]\n: c\n", "a name of a setting is a text"),
    "a Python object": ("home: !!python/object/apply:os.getcwd []\n", "no type of a setting"),
    "binary": ("home: !!binary aaaa\n", "no type of a setting"),
    "a tag of its own": ("home: !path data\n", "no type of a setting"),
    "a number of 5,000 digits": (f"chunk_rows: {'9' * 5000}\n", "cannot be read"),
}


@pytest.mark.parametrize("read", [lambda path: load(path, {}), TrackRegistry.load], ids=["settings", "tracks"])
@pytest.mark.parametrize(("text", "reason"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_it_is_rejected_with_its_file_and_reason(
    tmp_path: Path, read: Callable[[Path], object], text: str, reason: str
) -> None:
    path = tmp_path / "some.yaml"
    path.write_text(text)
    with pytest.raises(SettingsError, match="as YAML") as error:
        read(path)
    assert str(path) in str(error.value)
    assert reason in str(error.value)
    assert len(str(error.value)) < 600


def test_a_variable_is_no_way_round_it() -> None:
    with pytest.raises(SettingsError, match=r"RACE_ASSETS_RULES: .*60 levels"):
        load(None, {"RACE_ASSETS_CONFIG": "", "RACE_ASSETS_RULES": "[" * 20_000})


def test_an_alias_is_added_to_no_such_text() -> None:
    with pytest.raises(Exception, match="more than 200,000 values"):
        with_alias(bomb(9), "gb-romford", "Rommy")


def test_looking_takes_work_by_the_length_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []
    take = safe_yaml._Sizes.take
    monkeypatch.setattr(safe_yaml._Sizes, "take", lambda self, event: (taken.append(1), take(self, event)))
    for levels in (4, 8):
        taken.clear()
        with pytest.raises(Exception, match="values") if levels > 5 else pytest.MonkeyPatch.context():
            safe_yaml.check(bomb(levels))
        assert len(taken) < 20 * levels + 20


def test_aliases_that_people_write_are_read(tmp_path: Path) -> None:
    text = "start: &order [a, b]\nname: *order\nbase: &base {x: 1, y: 2}\nmore: {<<: *base, y: !!str 3}\n"
    assert safe_yaml.load(text) == {
        "start": ["a", "b"], "name": ["a", "b"], "base": {"x": 1, "y": 2}, "more": {"x": 1, "y": "3"},
    }  # fmt: skip
    (tmp_path / "tracks.yaml").write_text("aliases: {gb-romford: &names [Rommy]}\n")
    assert TrackRegistry.load(tmp_path / "tracks.yaml").meanings("Rommy")[0].track_id == "gb-romford"


def test_of_many_mistakes_the_first_are_explained(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    path.write_text("".join(f"k{n}: {'v' * 5000}\n" for n in range(500)))
    with pytest.raises(SettingsError) as error:
        load(path, {})
    lines = str(error.value).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "and 480 more mistakes"
