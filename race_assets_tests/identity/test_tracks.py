"""The registry of tracks: every name finds its track, and nothing else does."""

import csv
import os
import re
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.errors import SettingsError
from race_assets.identity import tracks
from race_assets.identity.tracks import Track, TrackRegistry, key, key_expr, plain_key_expr

REGISTRY = TrackRegistry.load()
# Every name of the registry of version 0.1, and what it meant with its country and without one.
ESTABLISHED = pl.read_csv(Path(__file__).with_name("established_names.csv"))

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
@settings(max_examples=40)
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
@settings(max_examples=150)
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


def test_the_likeliest_tracks_come_first() -> None:
    assert REGISTRY.nearest_tracks("Rumford", "GB")[0].name == "Romford"
    assert REGISTRY.nearest_tracks("Shelborn Pk", "GB/IE")[0].name == "Shelbourne Park"
    assert REGISTRY.nearest_tracks("Wentwoth Park", None)[0].name == "Wentworth Park"
    assert len(REGISTRY.nearest_tracks("zzz", "FR", n=5)) == 5


# What a name abbreviates, where it is one track of its country; and the command that adds it.
@pytest.mark.parametrize(
    ("name", "country", "track", "command"),
    [
        ("Temo", "AU", "Temora (au-temora)", "add-alias au-temora Temo`"),
        ("Temo (AUS)", None, "Temora (au-temora)", "add-alias au-temora 'Temo (AUS)'`"),
        ("Musw", None, "Muswellbrook (au-muswellbrook)", "add-alias au-muswellbrook Musw`"),
        ("Asct", "NZ", "Ascot Park (nz-ascot-park)", "add-alias nz-ascot-park Asct`"),
        ("Tral", "GB/IE", "Tralee (ie-tralee)", "add-alias ie-tralee Tral`"),
        ("Rmf", "GB", "Romford (gb-romford)", "add-alias gb-romford Rmf`"),
        ("Rich", "GB", None, None),  # no track of Britain
        ("Kil", "IE", None, None),  # Kilkenny, and Kilcohan Park of Waterford
        ("TAR", "AU", None, None),  # Taree and Traralgon
        ("MURR", "AU", None, None),  # Murray Bridge and its straight track
        ("Gawlerton", "AU", None, None),  # longer than a code
        ("Ga", "AU", None, None),
        ("G1w", "AU", None, None),
        ("", "AU", None, None),
    ],
)
def test_a_code_that_fits_one_track_is_offered_and_nothing_else_is(
    name: str, country: str | None, track: str | None, command: str | None
) -> None:
    advice = REGISTRY.advice(name, country)

    assert _resolve(name, country)[0] is None
    if track is None or command is None:
        assert re.match(r"nearest: [A-Z]", advice)
        return
    assert advice.startswith(f"did you mean {track}? `race-assets tracks {command}")
    assert f"{REGISTRY.nearest_tracks(name, country)[0].name} " in f"{track} "


def test_an_offered_name_that_means_a_track_elsewhere_bears_its_country() -> None:
    assert "add-alias au-grafton 'Graf (AU)'" in TrackRegistry(
        (
            Track("au-grafton", "Grafton", "AU", "Australia/Sydney"),
            Track("gb-graf-hill", "Graf Hill", "GB", "Europe/London", ("Graf",)),
        )
    ).advice("Graf", "AU")


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


def test_established_names_mean_what_they_meant() -> None:
    names = ESTABLISHED.rename({"name": "track_name"})

    in_country = REGISTRY.resolve(names.select("track_name", "country"))
    anywhere = REGISTRY.resolve(names.select("track_name"))

    assert names.height == 284
    assert in_country["track_id"].equals(names["track_id"], null_equal=False)
    assert anywhere["track_id"].equals(names["track_id_without_country"], null_equal=False)


CODES = {
    "GB": {
        "CPark": "gb-central-park", "Sittb": "gb-central-park", "Stgbrn": "gb-central-park", "Cryfd": "gb-crayford",
        "Newc": "gb-newcastle", "Rich": None, "Nort": None, "Mldhl": "gb-suffolk-downs",
        "Mildenhall": "gb-suffolk-downs", "Pelaw": "gb-star-pelaw", "Pelaw Grange": "gb-star-pelaw",
        "The Valley": "gb-the-valley",
        "Valley": "gb-the-valley", "Vlley": "gb-the-valley", "Notts": "gb-nottingham", "Sland": "gb-sunderland",
        "Yrmth": "gb-yarmouth", "Perry Bar": "gb-perry-barr", "Monmr": "gb-monmore", "Wdom": "gb-wimbledon",
        "Shawf": "gb-shawfield", "Wheatley Hill": "gb-wheatley-hill", "HDN": None,
    },
    "IE": {
        "Curaheen_park": "ie-curraheen-park", "Tharles_park": "ie-thurles", "Shelbourne_park": "ie-shelbourne-park",
        "Harolds_cross": "ie-harolds-cross", "Youghl": "ie-youghal", "Trlee": "ie-tralee",
        "Ballyskeagh": "gb-drumbo-park", "DunPk": None,
    },
    "AU": {
        "Gawl": "au-gawler", "Devn": "au-devonport", "Nort": "au-northam", "Warr": "au-warrnambool",
        "Wgul": "au-warragul", "Dubb": "au-dubbo", "Casi": "au-casino", "Wagg": "au-wagga", "Goul": "au-goulburn",
        "Hshm": "au-horsham", "Capa": "au-capalaba", "MBdg": "au-murray-bridge", "MGam": "au-mount-gambier",
        "APrk": "au-albion-park", "AnPk": "au-angle-park", "SPrk": "au-sandown-park", "WPrk": "au-wentworth-park",
        "Rich": "au-richmond", "WAR": "au-warrnambool", "WBL": "au-warrnambool", "WGL": "au-warragul",
        "WRGL": "au-warragul", "SAN": "au-sandown-park", "AP_K": "au-angle-park", "W_PK": "au-wentworth-park",
        "MT/G": "au-mount-gambier", "Q1L": "au-q1-lakeside", "QST": "au-q-straight", "TRA": "au-traralgon",
        "GAWLG": "au-gawler", "MBRSG": "au-murray-bridge-straight", "RISTG": "au-richmond-straight",
        "Meadows (MEP)": "au-the-meadows", "Sandown (SAP)": "au-sandown-park", "Sandown Park": "au-sandown-park",
        "Richmond (RIS)": "au-richmond-straight", "Murray Bridge (MBS)": "au-murray-bridge-straight",
        "Murray Bridge (MBR)": "au-murray-bridge", "Dport @ HOB": "au-hobart", "Dport @ LCN": "au-launceston",
        "Newc": None, "CAN": None, "COO": None, "POR": None, "TAR": None, "QOT": None, "QTT": None, "MURR": None,
    },
    "NZ": {
        "Auckland (NZ)": "nz-manukau", "Mkau": "nz-manukau", "MKA": "nz-manukau", "Hatr": "nz-hatrick",
        "Wanganui (NZ)": "nz-hatrick", "Palmerston Nth (NZ)": "nz-manawatu", "MNA": "nz-manawatu",
        "Christchurch (NZ)": "nz-addington", "Waikato (NZ)": "nz-cambridge", "Southland (NZ)": "nz-ascot-park",
        "Otago (NZ)": "nz-forbury-park", "Dunedin": "nz-forbury-park", "Tokoroa (NZ)": "nz-tokoroa",
        "Taranaki (NZ)": "nz-taranaki", "Otaki": "nz-otaki",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "country", "track_id"),
    [(name, country, track_id) for country, names in CODES.items() for name, track_id in names.items()],
)
def test_what_sources_write_in_each_country(name: str, country: str, track_id: str | None) -> None:
    assert _resolve(name, country)[0] == track_id


@pytest.mark.parametrize(
    ("name", "track_id"),
    [
        ("Gawl (AUS)", "au-gawler"),
        ("Warr (AUS)", "au-warrnambool"),
        ("Newc", "gb-newcastle"),
        ("Newc (AUS)", None),
        # Codes that may abbreviate a track of another country too mean nothing without theirs.
        ("WAR", None),
        ("WAR (AUS)", "au-warrnambool"),
        ("TRA", None),
        ("DAR", None),
        ("MAN", None),
        ("CAP", None),
    ],
)
def test_a_short_code_without_country_is_not_guessed(name: str, track_id: str | None) -> None:
    assert _resolve(name, None)[0] == track_id


@pytest.mark.parametrize(
    ("name", "country", "track_id"),
    [
        ("BetDeluxe Capalaba", "AU", "au-capalaba"),
        ("Bet Deluxe Rockhampton", None, "au-rockhampton"),
        ("BET NATION TOWNSVILLE", "AU", "au-townsville"),
        ("LADBROKES-Q1-LAKESIDE", None, "au-q1-lakeside"),
        ("Ladbrokes Q Straight", "AU", "au-q-straight"),
        ("Ladbrokes The Gardens", "AU", "au-the-gardens"),
        ("Ladbroke Gardens", "AU", "au-the-gardens"),
        ("Sportsbet-Ballarat", "AU", "au-ballarat"),
        ("Bet365 Meadows (AUS)", None, "au-the-meadows"),
        ("TAB Addington Raceway", "NZ", "nz-addington"),
        ("Coral Romford", None, "gb-romford"),
        ("Coral Ladbrokes Romford Stadium", "GB", "gb-romford"),
        ("Star Pelaw", "GB", "gb-star-pelaw"),
        ("Central Park Bags", "GB", "gb-central-park"),
        ("Romford (Evening)", "GB", "gb-romford"),
        ("Angle Pk", "AU", "au-angle-park"),
        ("Mt Gambier", "AU", "au-mount-gambier"),
        ("Palmerston Nth", "NZ", "nz-manawatu"),
        ("Coral", "GB", None),
        ("TAB", "AU", None),
        ("Coral Bay", "GB", None),
        ("Tabloid Hove", "GB", None),
        ("Hove Ladbrokes", "GB", None),
        ("Coral Hove", "AU", None),
    ],
)
def test_sponsors_and_sessions_are_no_part_of_a_name(name: str, country: str | None, track_id: str | None) -> None:
    assert _resolve(name, country)[0] == track_id


def test_a_name_that_is_known_with_its_sponsor_is_not_looked_up_without(tmp_path: Path) -> None:
    own = TrackRegistry.load(_write(tmp_path, "aliases: {gb-hove: [Coral Romford]}"))

    assert _resolve("Coral Romford", "GB", own)[0] == "gb-hove"
    assert _resolve("Coral Romford", "IE/GB", own)[0] == "gb-hove"
    assert _resolve("Ladbrokes Romford", "GB", own)[0] == "gb-romford"


@given(st.sampled_from(sorted(set(REGISTRY.lookup["key"]))))
@settings(max_examples=60)
def test_a_plain_key_is_its_own_plain_key_and_never_empty(known: str) -> None:
    once, twice = pl.DataFrame({"key": [known, f"coral {known}"]}).select(plain_key_expr(pl.col("key")))["key"]

    assert once
    assert once == twice
    assert pl.select(plain_key_expr(pl.lit(once))).item() == once


_ZONES = {
    "NSW": "Australia/Sydney",
    "ACT": "Australia/Sydney",
    "VIC": "Australia/Melbourne",
    "QLD": "Australia/Brisbane",
    "SA": "Australia/Adelaide",
    "WA": "Australia/Perth",
    "TAS": "Australia/Hobart",
    "NT": "Australia/Darwin",
}
_COUNTRY_ZONES = {"GB": "Europe/London", "IE": "Europe/Dublin", "NZ": "Pacific/Auckland"}


def _written_tracks() -> list[dict[str, str]]:
    """The built-in file as plain YAML, without the reader under test."""
    return yaml.safe_load(Path(tracks.__file__).with_name("tracks.yaml").read_text())


def test_every_track_has_the_time_zone_of_its_state_or_country() -> None:
    for track in _written_tracks():
        wanted = _ZONES[track["state"]] if track["country"] == "AU" else _COUNTRY_ZONES[track["country"]]
        if track["id"] == "au-broken-hill":
            wanted = "Australia/Broken_Hill"
        assert track["timezone"] == wanted, track["id"]


@pytest.mark.parametrize(
    ("track_id", "hours_of_january", "hours_of_july"),
    [
        ("au-potts-park", 11, 10),
        ("au-cairns", 10, 10),
        ("au-townsville", 10, 10),
        ("au-tweed-heads", 11, 10),
        ("au-broken-hill", 10.5, 9.5),
        ("au-port-pirie", 10.5, 9.5),
        ("au-darwin", 9.5, 9.5),
        ("au-northam", 8, 8),
        ("au-devonport", 11, 10),
        ("nz-otaki", 13, 12),
        ("gb-walthamstow", 0, 1),
        ("ie-harolds-cross", 0, 1),
    ],
)
def test_closed_and_open_tracks_keep_their_clocks(track_id: str, hours_of_january: float, hours_of_july: float) -> None:
    [zone] = [track.timezone for track in REGISTRY.tracks if track.track_id == track_id]
    offsets = [datetime(2012, month, 15, tzinfo=ZoneInfo(zone)).utcoffset() for month in (1, 7)]

    assert offsets == [timedelta(hours=hours_of_january), timedelta(hours=hours_of_july)]


def test_no_name_means_two_tracks_of_one_country() -> None:
    meanings: dict[tuple[str, str], set[str]] = {}
    for track in _written_tracks():
        for country in (track["country"], *track.get("also_in", [])):
            for name in (track["name"], *track.get("aliases", [])):
                meanings.setdefault((country, key(name)), set()).add(track["id"])

    assert {name: ids for name, ids in meanings.items() if len(ids) > 1} == {}
