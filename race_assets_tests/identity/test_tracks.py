"""The registry of tracks: every name finds its track, and nothing else does."""

import csv
import os
import re
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.errors import SettingsError
from race_assets.identity.tracks import TrackRegistry, key, key_expr

REGISTRY = TrackRegistry.load()

# What BSP files of 2012 to 2024 call the tracks, by our ids.
_BSP_VENUES = {
    "AUS / APrk (AUS)": "au-albion-park",
    "AUS / Cann (AUS)": "au-cannington",
    "AUS / Mandurah (AUS)": "au-mandurah",
    "Addington (NZL)": "nz-addington",
    "BAGS cards / HGrn": "gb-hall-green",
    "BAGS cards / Hove": "gb-hove",
    "BAGS cards / Swin": "gb-swindon",
    "Casino (AUS)": "au-casino",
    "Crayford": "gb-crayford",
    "Doncaster": "gb-doncaster",
    "Geelong (AUS)": "au-geelong",
    "Henlow": "gb-henlow",
    "Ipswich (AUS)": "au-ipswich",
    "Limerick": "ie-limerick",
    "Manawatu (NZL)": "nz-manawatu",
    "Murray Bridge (AUS)": "au-murray-bridge",
    "NZL / Hatr (NZL)": "nz-hatrick",
    "Newcastle": "gb-newcastle",
    "RPGTV / Nott": "gb-nottingham",
    "RPGTV / Towcester": "gb-towcester",
    "Richmond (AUS)": "au-richmond",
    "SIS / Suffolk Downs": "gb-suffolk-downs",
    "Sandown Park (AUS)": "au-sandown-park",
    "Sheffield": "gb-sheffield",
    "Suffolk Downs": "gb-suffolk-downs",
    "TRP / Kinsley": "gb-kinsley",
    "TRP / Perry Barr": "gb-perry-barr",
    "TRP / Sheffield": "gb-sheffield",
    "Valley": "gb-the-valley",
    "Wentworth Park (AUS)": "au-wentworth-park",
}


def _resolve(name: str | None, country: str | None, registry: TrackRegistry = REGISTRY) -> tuple[str | None, ...]:
    frame = pl.DataFrame(
        {"track_name": [name], "country": [country]}, schema=dict.fromkeys(("track_name", "country"), pl.String)
    )
    return registry.resolve(frame).select("track_id", "country", "timezone").row(0)


def test_every_name_and_alias_finds_its_track_in_each_of_its_countries() -> None:
    rows = [
        (name, country, track.track_id, track.country, track.timezone)
        for track in REGISTRY.tracks
        for country in (track.country, *track.also_in)
        for name in (track.name, *track.aliases)
    ]
    asked = pl.DataFrame(rows, schema=["track_name", "country", "id", "in", "zone"], orient="row")

    found = REGISTRY.resolve(asked)

    assert found["track_id"].equals(asked["id"], check_names=False)
    assert found["country"].equals(asked["in"], check_names=False)
    assert found["timezone"].equals(asked["zone"], check_names=False)


def test_the_registry_covers_the_four_countries_and_the_states() -> None:
    assert REGISTRY.frame.columns == ["track_id", "track", "country", "timezone"]
    assert REGISTRY.lookup.columns == ["country", "key", "track_id"]
    assert set(REGISTRY.frame["country"]) == {"GB", "IE", "AU", "NZ"}
    assert REGISTRY.frame["track_id"].is_unique().all()
    assert {"Europe/London", "Europe/Dublin", "Pacific/Auckland", "Australia/Darwin", "Australia/Broken_Hill"} <= set(
        REGISTRY.frame["timezone"]
    )


@pytest.mark.parametrize(
    ("name", "country", "expected"),
    [
        ("Drumbo Park", "IE", ("gb-drumbo-park", "GB", "Europe/London")),
        ("Drumbo Park", "GB", ("gb-drumbo-park", "GB", "Europe/London")),
        ("Drumbo Park", None, ("gb-drumbo-park", "GB", "Europe/London")),
        ("Limerick", "GB/IE", ("ie-limerick", "IE", "Europe/Dublin")),
        ("Hove", "GB/IE", ("gb-hove", "GB", "Europe/London")),
        ("Hove", "IE/GB", ("gb-hove", "GB", "Europe/London")),
        ("Hove", "gb", ("gb-hove", "GB", "Europe/London")),
        ("Hove", " ", ("gb-hove", "GB", "Europe/London")),
        ("Cann (AUS)", "GB/IE", ("au-cannington", "AU", "Australia/Perth")),
        ("Cann (AUS)", "GB", (None, "GB", None)),
        ("Shel (IRE)", "GB/IE", ("ie-shelbourne-park", "IE", "Europe/Dublin")),
        ("Newcastle", "GB", ("gb-newcastle", "GB", "Europe/London")),
        ("Newcastle", "AU", (None, "AU", None)),
        ("The Gardens (Newcastle)", "AU", ("au-the-gardens", "AU", "Australia/Sydney")),
        ("AnPk (AUS)", None, ("au-angle-park", "AU", "Australia/Adelaide")),
        ("APrk (AUS)", None, ("au-albion-park", "AU", "Australia/Brisbane")),
        ("Auckland (NZ)", None, ("nz-manukau", "NZ", "Pacific/Auckland")),
        ("Hove", "NZ", (None, "NZ", None)),
        ("Hove (NZL)", None, (None, "NZ", None)),
        ("Hove", "FR", (None, "FR", None)),
        ("Nowhere", "GB/IE", (None, None, None)),
        ("Nowhere", None, (None, None, None)),
        ("", "GB", (None, "GB", None)),
        (None, "GB", (None, "GB", None)),
        (None, None, (None, None, None)),
        ("THE VALLEY  Greyhound Stadium", "GB", ("gb-the-valley", "GB", "Europe/London")),
        ("Harold's Cross", "IE", ("ie-harolds-cross", "IE", "Europe/Dublin")),
    ],
)
def test_hints(name: str | None, country: str | None, expected: tuple[str | None, ...]) -> None:
    assert _resolve(name, country) == expected


def _write(folder: Path, text: str) -> Path:
    path = folder / "tracks.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_one_name_in_two_countries_stays_apart(tmp_path: Path) -> None:
    own = "tracks:\n- {id: au-newcastle, name: Newcastle, country: AU, timezone: Australia/Sydney}\n"
    registry = TrackRegistry.load(_write(tmp_path, own))

    assert _resolve("Newcastle", "GB", registry)[0] == "gb-newcastle"
    assert _resolve("Newcastle", "AU", registry)[0] == "au-newcastle"
    assert _resolve("Newcastle (AUS)", None, registry)[0] == "au-newcastle"
    assert _resolve("Newcastle", None, registry) == (None, None, None)


# Each pair looked up on its own, to compare whole frames with.
_ALONE = {
    (name, country): _resolve(name, country)[0]
    for name in ("Hove", "Shel", "Cann (AUS)", "Nowhere", None)
    for country in ("GB", "IE", "GB/IE", "AU", None)
}


@given(st.lists(st.sampled_from(sorted(_ALONE, key=str)), max_size=30))
@settings(max_examples=40, deadline=None)
def test_rows_keep_order_and_number_and_lazy_is_the_same(rows: list[tuple[str | None, str | None]]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("venue", "nation"), pl.String), orient="row").with_row_index("row")

    found = REGISTRY.resolve(frame, name="venue", country="nation")

    assert found.select("row", "venue").equals(frame.select("row", "venue"))
    assert found.columns == ["row", "venue", "nation", "track_id", "timezone"]
    assert found["track_id"].to_list() == [_ALONE[row] for row in rows]
    assert REGISTRY.resolve(frame.lazy(), name="venue", country="nation").collect().equals(found)


def test_a_frame_without_hints_gets_countries() -> None:
    found = REGISTRY.resolve(pl.DataFrame({"track_name": ["Hove", "Cann (AUS)"]}))

    assert found["country"].to_list() == ["GB", "AU"]


@given(st.text(alphabet="aA éÉ.,'’()&-/0 tThHeE", max_size=12))  # noqa: RUF001 - what people type into names
@settings(max_examples=150, deadline=None)
def test_a_key_is_its_own_key_but_for_a_second_article(text: str) -> None:
    found = key(text)

    assert re.fullmatch(r"(?:[^\W_A-Z]+(?: [^\W_A-Z]+)*)?", found)
    if not re.match(r"the\b", found):
        assert key(found) == found
    assert pl.DataFrame({"text": [text]}).select(key=key_expr(pl.col("text")))["key"].to_list() == [found]


def test_keys_by_example() -> None:
    assert key("The Meadows") == key("meadows") == "meadows"
    assert key("Brighton & Hove Greyhound Stadium") == "brighton hove"
    assert key("Theale") == "theale"
    assert key("Harold's Cross (IRE)") == "harolds cross"
    assert key("Meadows (MEP)") == "meadows mep"


def test_nearest_names_the_likeliest_tracks_first() -> None:
    assert REGISTRY.nearest("Rumford", "GB")[0] == "Romford"
    assert REGISTRY.nearest("Shelborn Pk", "GB/IE")[0] == "Shelbourne Park"
    assert REGISTRY.nearest("Wentwoth Park", None)[0] == "Wentworth Park"
    assert len(REGISTRY.nearest("zzz", "FR", n=5)) == 5


def test_the_fingerprint_does_not_depend_on_order_but_on_names(tmp_path: Path) -> None:
    forth = TrackRegistry.load(_write(tmp_path, "aliases: {gb-romford: [Rommy, Rumford], gb-hove: [Hovey]}\n"))
    back = TrackRegistry.load(_write(tmp_path, "aliases: {gb-hove: [Hovey], gb-romford: [Rumford, Rommy]}\n"))

    assert REGISTRY.fingerprint == TrackRegistry.load(tmp_path / "absent.yaml").fingerprint
    assert TrackRegistry(tuple(reversed(REGISTRY.tracks))).fingerprint == REGISTRY.fingerprint
    assert forth.fingerprint == back.fingerprint != REGISTRY.fingerprint
    assert re.fullmatch("[0-9a-f]{64}", forth.fingerprint)
    assert _resolve("rumford", "GB", forth)[0] == "gb-romford"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("aliases: {gb-romford: [Hove]}", ["gb-romford", "gb-hove", "Hove"]),
        ("aliases: {gb-rumford: [X]}", ["tracks.yaml", "gb-rumford", "gb-romford"]),
        ("aliases: {gb-romford: [No]}", ["tracks.yaml", "gb-romford", "quotes"]),
        ("aliases: {gb-romford: ['!!']}", ["gb-romford", "'!!'"]),
        ("aliases: [X]", ["tracks.yaml", "aliases"]),
        ("more: 1", ["tracks.yaml", "aliases"]),
        ("[1]", ["tracks.yaml"]),
        ("tracks: 5", ["tracks.yaml", "int"]),
        ("tracks: [5]", ["track 1", "5"]),
        ("tracks: [{id: gb-x, name: X, country: GB, timezone: Europe/Londn}]", ["track 1", "gb-x", "Europe/Londn"]),
        ("tracks: [{id: gb-x, name: X, country: GB, timezone: ../etc}]", ["gb-x", "../etc"]),
        ("tracks: [{id: gb-y, name: The X, country: GB, timezone: Europe/London}]", ["gb-y", "gb-the-x"]),
        ("tracks: [{id: gb-x, name: X, country: gb, timezone: Europe/London}]", ["gb-x", "'gb'"]),
        ("tracks: [{id: gb-x, name: X, country: GB}]", ["gb-x", "timezone"]),
        ("tracks: [{id: gb-x, name: X, country: GB, timezone: Europe/London, zone: 1}]", ["gb-x", "zone"]),
        ("tracks: [{id: gb-hove, name: Hove, country: GB, timezone: Europe/London}]", ["gb-hove", "built in"]),
        (
            "tracks: [&x {id: gb-x, name: X, country: GB, timezone: UTC}, *x]",
            ["track 2", "gb-x", "twice"],
        ),
        ("tracks: [", ["tracks.yaml", "YAML"]),
    ],
)
def test_a_wrong_file_is_refused_by_name(tmp_path: Path, text: str, words: list[str]) -> None:
    path = _write(tmp_path, text)

    with pytest.raises(SettingsError) as caught:
        TrackRegistry.load(path)

    assert [word for word in words if word not in str(caught.value)] == []


def test_an_empty_file_adds_nothing(tmp_path: Path) -> None:
    assert TrackRegistry.load(_write(tmp_path, "")).fingerprint == REGISTRY.fingerprint


def _venue(menu_hint: str) -> str:
    return re.sub(r"\s+\d{1,2} ?(?:st|nd|rd|th) [A-Z][a-z]{2}$", "", menu_hint)


def _bsp_venues() -> set[str]:
    folder = Path(os.environ.get("RACE_ASSETS_REALDATA", "")) / "bsp"
    if not os.environ.get("RACE_ASSETS_REALDATA") or not folder.is_dir():
        pytest.skip("RACE_ASSETS_REALDATA names no folder with bsp files")
    rows = [row for file in folder.glob("*.csv") for row in csv.DictReader(file.read_text("utf-8").splitlines())]
    # Forecasts, match bets and trap challenges are no races of a track.
    races = [row["MENU_HINT"] for row in rows if not re.search(r"\((?:FC|F/C|AvB)\)|Trap Challenge", row["MENU_HINT"])]
    return {_venue(menu_hint) for menu_hint in races}


def test_every_venue_of_the_real_bsp_files_is_known() -> None:
    venues = _bsp_venues()

    assert venues
    assert venues - _BSP_VENUES.keys() == set()


@pytest.mark.parametrize(("venue", "track_id"), sorted(_BSP_VENUES.items()))
def test_bsp_venues(venue: str, track_id: str) -> None:
    assert _resolve(venue.rpartition(" / ")[2], None)[0] == track_id


def test_a_name_with_a_country_tag_counts_in_that_country_alone_and_takes_nothing_from_others(tmp_path: Path) -> None:
    file = tmp_path / "tracks.yaml"
    file.write_text("aliases:\n  au-sandown-park: ['Romford (AUS)']\n")
    bound = TrackRegistry.load(file)
    assert _resolve("Romford", None, bound)[0] == "gb-romford"
    assert _resolve("Romford", "AU", bound)[0] == "au-sandown-park"
    assert _resolve("Romford (AUS)", None, bound)[0] == "au-sandown-park"
    assert bound.fingerprint != REGISTRY.fingerprint
    file.write_text("aliases:\n  au-sandown-park: [Romford]\n")
    loose = TrackRegistry.load(file)
    assert _resolve("Romford", None, loose)[0] is None
    assert loose.fingerprint != bound.fingerprint
