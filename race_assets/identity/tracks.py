"""The registry of tracks: which track a name means, and its country and time zone."""

import difflib
import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import polars as pl
import yaml

from race_assets.errors import SettingsError
from race_assets.settings.safe_yaml import SAFE_LOADER

__all__ = ["Track", "TrackRegistry", "key", "key_expr", "own_file", "tagged_country"]

FrameT = TypeVar("FrameT", pl.DataFrame, pl.LazyFrame)

_BUILT_IN = Path(__file__).with_name("tracks.yaml")

# How sources abbreviate the countries, as a hint and behind a name: "Hatr (NZL)".
_COUNTRY_WORDS = {
    "GB": "GB",
    "GBR": "GB",
    "UK": "GB",
    "IE": "IE",
    "IRE": "IE",
    "IRL": "IE",
    "AU": "AU",
    "AUS": "AU",
    "NZ": "NZ",
    "NZL": "NZ",
}
_TAG = rf"(?i)\(\s*({'|'.join(_COUNTRY_WORDS)})\s*\)\s*$"
# Stands in the lookup for "any country": holds the names that mean one track everywhere.
_ANYWHERE = "*"

# What sources add to a track's name; it is dropped only where the name as it stands is not known. First the companies
# named in front of it: "Ladbrokes Q1 Lakeside", "Sportsbet-Ballarat".
_SPONSORS = (
    "bet ?deluxe",
    "bet ?fred",
    "bet ?nation",
    "bet ?right",
    "bet ?victor",
    "bet ?365",
    "betfair",
    "betr",
    "blue ?bet",
    "boyle ?sports",
    "centrebet",
    "coral",
    "ladbrokes?",
    "luxbet",
    "neds",
    "paddy power",
    "palmer ?bet",
    "pickle ?bet",
    "points ?bet",
    "sky ?bet",
    "sporting ?bet",
    "sports ?bet",
    "star sports",
    "tab(?: ?touch)?",
    "tattsbet",
    "top ?sport",
    "ubet",
    "unibet",
    "william hill",
)
_SPONSOR = rf"^(?:(?:{'|'.join(_SPONSORS)}) )+(?:the )?"
_SESSION = r" (?:bags|am|pm|matinee|morning|afternoon|twilight|evening|eve|night)$"
_GROUND = r" (?:raceway|showgrounds?)$"
_SHORT_WORDS = {"pk": "park", "mt": "mount", "nth": "north"}
# What may be an abbreviation of a track's name, such as "Gawl".
_CODE = "[A-Za-z]{3,6}"

_FIELDS = {"id", "name", "country", "timezone", "aliases", "state", "closed", "also_in"}
_REQUIRED = ("id", "name", "country", "timezone")


@dataclass(frozen=True)
class Track:
    """One track.

    Attributes:
        track_id: country in lower case and slug of the name, as ``gb-the-valley``.
        name: the canonical name.
        country: ISO 3166, two letters.
        timezone: IANA name.
        aliases: what else it is called.
        also_in: further countries under which sources file it.
    """

    track_id: str
    name: str
    country: str
    timezone: str
    aliases: tuple[str, ...] = ()
    also_in: tuple[str, ...] = ()

    def shares_country(self, other: "Track") -> bool:
        """Return whether sources file both under one country."""
        return bool({self.country, *self.also_in} & {other.country, *other.also_in})


def own_file(home: Path) -> Path:
    """Return where the user's own tracks and aliases are kept."""
    return home / "tracks.yaml"


def key_expr(text: pl.Expr) -> pl.Expr:
    """What two spellings of a track's name have in common (API_CONTRACTS 8.6).

    Lower case; a country tag at the end, accents, apostrophes, dots, a leading "the" and the words stadium,
    greyhound(s) and racecourse are dropped; other punctuation counts as a blank.

    Args:
        text: String.

    Returns:
        String; empty when nothing is left, null for null.
    """
    plain = text.str.replace(_TAG, "").str.normalize("NFKD").str.to_lowercase()
    words = plain.str.replace_all(r"['’‘`´.]|\p{M}", "").str.replace_all(r"[^\p{L}\p{N}]+", " ")  # noqa: RUF001
    bare = words.str.replace_all(r"\b(?:stadium|greyhounds?|racecourse)\b", "").str.replace_all(" {2,}", " ")
    return bare.str.strip_chars().str.replace(r"^the\b ?", "")


def plain_key_expr(key: pl.Expr) -> pl.Expr:
    """Reduce a key to the track's own name: no sponsor before it, no session or "raceway" behind it, "Pk" as "park".

    Args:
        key: String, as ``key_expr`` gives it.

    Returns:
        String; the key itself where nothing would be left.
    """
    bare = key.str.replace(_SPONSOR, "").str.replace(_SESSION, "").str.replace(_GROUND, "")
    for short, word in _SHORT_WORDS.items():
        bare = bare.str.replace_all(rf"\b{short}\b", word)
    return pl.when(bare != "").then(bare).otherwise(key)


def key(text: str) -> str:
    """``key_expr`` for a single name."""
    return str(pl.select(key_expr(pl.lit(text))).item())


@dataclass(frozen=True, eq=False)
class TrackRegistry:
    """All known tracks and their names, as data.

    Attributes:
        tracks: the tracks, sorted by id.
        frame: one row per track: track_id, track (the name), country, timezone.
        lookup: one row per name and country: country, key, track_id.
        bound: those of them whose names all bear a country tag, as ``Sandown (AUS)``: they count in their country
            alone, and take no name away from a track elsewhere.
        fingerprint: sha256 in hex of everything that decides what a name resolves to. The order of entries and
            aliases does not count, so that tidying the file makes no day stale.
    """

    tracks: tuple[Track, ...]
    frame: pl.DataFrame = field(init=False, repr=False)
    lookup: pl.DataFrame = field(init=False, repr=False)
    bound: pl.DataFrame = field(init=False, repr=False)
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.tracks, key=lambda track: track.track_id))
        rows = [(track.track_id, track.name, track.country, track.timezone) for track in ordered]
        frame = pl.DataFrame(
            rows, schema=dict.fromkeys(("track_id", "track", "country", "timezone"), pl.String), orient="row"
        )
        object.__setattr__(self, "tracks", ordered)
        object.__setattr__(self, "frame", frame)
        lookup, bound = _lookup(ordered)
        object.__setattr__(self, "lookup", lookup)
        object.__setattr__(self, "bound", bound)
        # Without a bound name it is what it was before there were any: no day is stale for nothing.
        content = json.dumps([self.frame.rows(), self.lookup.rows(), *filter(None, [self.bound.rows()])])
        object.__setattr__(self, "fingerprint", hashlib.sha256(content.encode()).hexdigest())

    @classmethod
    def load(cls, extra: Path | None = None) -> "TrackRegistry":
        """Reads the built-in tracks and, if there is such a file, the user's own.

        Args:
            extra: YAML with ``tracks`` (a list of entries like the built-in ones) and ``aliases`` (a mapping of
                track ids, built-in ones too, to lists of further names). A name with a country tag, ``Sandown (AUS)``,
                counts in that country alone. A path where no file is counts as none.

        Returns:
            The registry of both together.

        Raises:
            SettingsError: a file cannot be read, an entry is wrong, an id is there twice, or a name means two tracks
                of one country. The message gives the file and the entry.
        """
        if extra is None or not extra.exists():
            return _built_in_alone()
        return cls(tuple(_extended(_built_in(), extra).values()))

    def resolve(self, frame: FrameT, name: str = "track_name", country: str = "country") -> FrameT:
        """Adds the track that each row's name means.

        A hint of one country restricts the search to it. Otherwise a country tag behind the name (``(AUS)``, ``(NZL)``,
        ``(IRE)``) does. A hint such as ``GB/IE`` means GB first, then IE; it yields to a tag, because it says no more
        than where a source's names usually lie. With neither, a name counts only if it means one track everywhere.
        A name that is not known is looked up once more without sponsor and session (``plain_key_expr``).

        Args:
            frame: holds ``name`` (String) and, if there is one, the hint ``country`` (String: null, GB, IE, AU, NZ or
                several with ``/`` between). Each distinct pair is looked up once.
            name: the column of names as given.
            country: the column of hints, which is overwritten.

        Returns:
            The frame, rows in order, with ``track_id``, ``country`` and ``timezone`` added or replaced. Where no track
            was found track_id and timezone are null, and a hint of one country is kept.
        """
        if isinstance(frame, pl.DataFrame) and country in frame.columns and frame[country].null_count() == frame.height:
            return self._resolved_by_name(frame, name, country)
        rows = frame.lazy()
        columns = rows.collect_schema().names()
        if country not in columns:
            rows = rows.with_columns(pl.lit(None, dtype=pl.String).alias(country))
        pairs = rows.select(pl.col(name).alias("__name"), pl.col(country).alias("__hint")).unique()
        resolved = (
            rows.drop("track_id", "timezone", strict=False)
            .join(
                self._answers(pairs),
                left_on=[name, country],
                right_on=["__name", "__hint"],
                how="left",
                nulls_equal=True,
                maintain_order="left",
            )
            .with_columns(pl.col("__country").alias(country))
            .drop("__country")
        )
        return resolved if isinstance(frame, pl.LazyFrame) else resolved.collect()

    def _resolved_by_name(self, frame: pl.DataFrame, name: str, country: str) -> pl.DataFrame:
        """`resolve` where there is no hint: names as numbers, since gathering by number is far cheaper than a join."""
        names = frame[name].unique().drop_nulls()
        pairs = pl.LazyFrame({"__name": names, "__hint": pl.Series([None] * names.len(), dtype=pl.String)})
        answers = pl.LazyFrame({"__name": names}).join(
            self._answers(pairs), on="__name", how="left", maintain_order="left"
        )
        answer = answers.collect()
        number = frame[name].cast(pl.Enum(names)).to_physical()
        return frame.with_columns(
            answer["track_id"].gather(number).alias("track_id"),
            answer["__country"].gather(number).alias(country),
            answer["timezone"].gather(number).alias("timezone"),
        )

    def _answers(self, pairs: pl.LazyFrame) -> pl.LazyFrame:
        """The track of each pair of __name and __hint: track_id, __country, timezone."""
        # A hint that is not among the known words stays as it is, finds nothing, and is handed back.
        hint = pl.col("__hint").str.to_uppercase().str.strip_chars().replace("", None)
        single = pl.when(~hint.str.contains("/", literal=True)).then(hint)
        tag = pl.col("__name").str.extract(_TAG, 1).str.to_uppercase()
        hints = (
            pl.coalesce(single, tag, hint, pl.lit(_ANYWHERE))
            .str.split("/")
            .list.eval(pl.element().str.strip_chars().replace(_COUNTRY_WORDS))
        )
        # Known by their values: a row number could differ between the two uses of the plan below.
        pair = ["__name", "__hint"]
        asked = pairs.with_columns(hints.alias("__hints"), key_expr(pl.col("__name")).alias("key"))
        as_given = asked.select(
            *pair,
            "key",
            pl.col("__hints").alias("country"),
            rank=pl.int_ranges(pl.col("__hints").list.len()),
            is_plain=pl.lit(value=False),
        ).explode("country", "rank")
        plain = as_given.with_columns(key=plain_key_expr(pl.col("key")), is_plain=pl.lit(value=True))
        found = (
            pl.concat([as_given, plain])
            .join(self._lookup_with_anywhere().lazy(), on=["country", "key"])
            .sort("is_plain", "rank")
            .unique(pair, keep="first", maintain_order=True)
            .select(*pair, "track_id")
            .join(self.frame.lazy().select("track_id", "country", "timezone"), on="track_id")
        )
        first = pl.col("__hints").list.first()
        kept = pl.when((pl.col("__hints").list.len() == 1) & (first != _ANYWHERE)).then(first)
        return asked.join(found, on=pair, how="left", nulls_equal=True).select(
            "__name", "__hint", "track_id", pl.coalesce("country", kept).alias("__country"), "timezone"
        )

    def _lookup_with_anywhere(self) -> pl.DataFrame:
        names = self.lookup.join(self.bound, on=self.lookup.columns, how="anti")
        alike = names.group_by("key").agg(pl.col("track_id").unique()).filter(pl.col("track_id").list.len() == 1)
        anywhere = alike.select(pl.lit(_ANYWHERE).alias("country"), "key", pl.col("track_id").list.first())
        return pl.concat([self.lookup, anywhere])

    def meanings(self, name: str) -> list[Track]:
        """The tracks that have a name in any country, tag left out, by id."""
        ids = set(self.lookup.filter(pl.col("key") == key(name))["track_id"])
        return [track for track in self.tracks if track.track_id in ids]

    def alias_for(self, track: Track, name: str) -> str:
        """Return the name as an alias of this track: with the track's country where it means a track elsewhere."""
        foreign = [each for each in self.meanings(name) if not track.shares_country(each)]
        return f"{name} ({track.country})" if foreign and tagged_country(name) is None else name

    def advice(self, name: str, country: str | None) -> str:
        """Say which track an unknown name may mean, for messages.

        Args:
            name: the name as given.
            country: a hint as for ``resolve``.

        Returns:
            the one track that the name abbreviates, with the command that adds it; else the nearest names.
        """
        fitting = self.fitting_tracks(name, country)
        if len(fitting) == 1:
            [track] = fitting
            alias = shlex.quote(self.alias_for(track, name.strip()))
            return (
                f"did you mean {track.name} ({track.track_id})? "
                f"`race-assets tracks add-alias {track.track_id} {alias}` adds it"
            )
        return "nearest: " + ", ".join(track.name for track in self.nearest_tracks(name, country))

    def fitting_tracks(self, name: str, country: str | None) -> list[Track]:
        """Return the tracks that a short name may abbreviate: first letter alike, the others in their order.

        Args:
            name: the name as given; only one of three to six letters abbreviates anything.
            country: a hint as for ``resolve``; null means all.

        Returns:
            Tracks by id.
        """
        code = re.sub(_TAG, "", name).strip()
        if not re.fullmatch(_CODE, code):
            return []
        countries = {tagged_country(name)} - {None} or _hinted(country)
        return [
            track
            for track in self.tracks
            if (not countries or countries & {track.country, *track.also_in})
            and any(_abbreviates(code.lower(), known) for known in (track.name, *track.aliases))
        ]

    def nearest_tracks(self, name: str, country: str | None, n: int = 3) -> list[Track]:
        """The tracks whose names look most like a given one.

        Args:
            name: the name as given.
            country: a hint as for ``resolve``; null, or a country without tracks, means all.
            n: how many at most.

        Returns:
            Tracks, the most similar first; before them those that the name may abbreviate.
        """
        rows = self.lookup.filter(pl.col("country").is_in(sorted(_hinted(country))))
        wanted = difflib.SequenceMatcher(b=key(name))
        likeness: dict[str, float] = {}
        for _, known, track_id in (rows if rows.height else self.lookup).iter_rows():
            wanted.set_seq1(known)
            likeness[track_id] = max(likeness.get(track_id, 0.0), wanted.ratio())
        by_id = {track.track_id: track for track in self.tracks}
        fitting = {track.track_id for track in self.fitting_tracks(name, country)}
        best = sorted(likeness, key=lambda track_id: (track_id not in fitting, -likeness[track_id], track_id))
        return [by_id[track_id] for track_id in best[:n]]


def _hinted(country: str | None) -> set[str]:
    """The countries of a hint such as ``GB/IE``; empty where there is none."""
    words = [word.strip() for word in (country or "").upper().split("/")]
    return {_COUNTRY_WORDS.get(word, word) for word in words if word}


def _abbreviates(code: str, name: str) -> bool:
    """Whether a longer name begins with the code's first letter and has the others in their order behind it."""
    letters = iter(key(name).replace(" ", ""))
    return len(key(name)) > len(code) and code[0] == next(letters, None) and all(each in letters for each in code[1:])


def tagged_country(name: str) -> str | None:
    """The country that a tag behind a name tells, as in ``Sandown (AUS)``."""
    found = re.search(_TAG, name)
    return _COUNTRY_WORDS[found[1].upper()] if found else None


def _lookup(tracks: Sequence[Track]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """country, key, track_id of all names of all tracks, sorted; and those of names that all bear a country tag.

    Raises:
        SettingsError: a name has no letters, or means two tracks of one country.
    """
    rows = [
        (country, name, track.track_id)
        for track in tracks
        for country in (track.country, *track.also_in)
        for name in (track.name, *track.aliases)
    ]
    names = pl.DataFrame(rows, schema=dict.fromkeys(("country", "name", "track_id"), pl.String), orient="row")
    names = names.with_columns(key=key_expr(pl.col("name")))
    for country, name, track_id, _ in names.filter(pl.col("key") == "").iter_rows():
        raise SettingsError(f"track {track_id}: the name {name!r} ({country}) has nothing to be found by; remove it")
    clashing = pl.col("track_id").n_unique().over("country", "key") > 1
    for _, clash in names.filter(clashing).group_by("country", "key", maintain_order=True):
        meanings = ", ".join(f"{track_id} ({name!r})" for _, name, track_id, _ in clash.iter_rows())
        raise SettingsError(
            f"tracks: in {clash['country'][0]} one name means two tracks: {meanings}; remove one of the aliases"
        )
    found = names.group_by("country", "key", "track_id").agg(pl.col("name").str.contains(_TAG).all().alias("is_bound"))
    found = found.sort("country", "key")
    return found.drop("is_bound"), found.filter("is_bound").drop("is_bound")


@cache
def _built_in() -> Mapping[str, Track]:
    """The tracks that come with the code, by id."""
    return _entries(_read(_BUILT_IN), _BUILT_IN)


@cache
def _built_in_alone() -> TrackRegistry:
    """The registry of a user who added none; sensors and commands of one process ask for it again and again."""
    return TrackRegistry(tuple(_built_in().values()))


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), SAFE_LOADER)  # noqa: S506 - a safe one
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{path}: cannot be read as YAML: {error}") from error


def _entries(content: Any, path: Path) -> dict[str, Track]:
    """The tracks of a list of entries, by id."""
    if not isinstance(content, list):
        raise SettingsError(f"{path}: tracks must be a list of entries, not {type(content).__name__}")
    tracks: dict[str, Track] = {}
    for number, entry in enumerate(content, start=1):
        track = _track(entry, f"{path}: track {number}")
        if track.track_id in tracks:
            raise SettingsError(f"{path}: track {number}: {track.track_id} is there twice; keep one")
        tracks[track.track_id] = track
    return tracks


def _track(entry: Any, place: str) -> Track:
    if not isinstance(entry, Mapping):
        raise SettingsError(f"{place}: must be a mapping with {', '.join(_REQUIRED)}, not {entry!r}")
    place = f"{place} ({entry.get('id', 'without id')})"
    if unknown := sorted(str(name) for name in entry if name not in _FIELDS):
        raise SettingsError(f"{place}: does not know {', '.join(unknown)}; allowed are {', '.join(sorted(_FIELDS))}")
    for name in _REQUIRED:
        if not isinstance(entry.get(name), str) or not entry[name].strip():
            raise SettingsError(f"{place}: {name} must be text, not {entry.get(name)!r}")
    track = Track(
        track_id=entry["id"],
        name=entry["name"],
        country=entry["country"],
        timezone=entry["timezone"],
        aliases=_texts(entry.get("aliases", []), f"{place}: aliases"),
        also_in=_texts(entry.get("also_in", []), f"{place}: also_in"),
    )
    for country in (track.country, *track.also_in):
        if not re.fullmatch("[A-Z]{2}", country):
            raise SettingsError(f"{place}: {country!r} is no country; write two capital letters such as GB")
    if track.track_id != (wanted := _track_id(track.country, track.name)):
        raise SettingsError(f"{place}: the id of {track.name} in {track.country} must be {wanted}")
    _check_zone(track.timezone, place)
    return track


def _texts(value: Any, place: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        # YAML reads an unquoted NO or 5 as something else than text.
        raise SettingsError(f"{place}: must be a list of texts, not {value!r}; put odd ones in quotes")
    return tuple(value)


def _track_id(country: str, name: str) -> str:
    words = re.findall("[a-z0-9]+", re.sub("['’.]", "", name.lower()))  # noqa: RUF001
    return "-".join([country.lower(), *words])


def _check_zone(name: str, place: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise SettingsError(f"{place}: {name!r} is no time zone; write an IANA name such as Europe/London") from error


def _extended(tracks: Mapping[str, Track], path: Path) -> dict[str, Track]:
    """The built-in tracks with the additions of a user's file."""
    content = _read(path) or {}
    if not isinstance(content, Mapping) or not set(content) <= {"tracks", "aliases"}:
        raise SettingsError(f"{path}: must hold tracks, aliases or both, and nothing else")
    own = _entries(content.get("tracks") or [], path)
    if twice := sorted(own.keys() & tracks.keys()):
        raise SettingsError(f"{path}: {twice[0]} is built in; add names to it under aliases")
    together = {**tracks, **own}
    aliases = content.get("aliases") or {}
    if not isinstance(aliases, Mapping):
        raise SettingsError(f"{path}: aliases must map track ids to lists of names, not {aliases!r}")
    for track_id, names in aliases.items():
        if track_id not in together:
            near = ", ".join(_near(str(track_id), together)) or "none"
            raise SettingsError(f"{path}: aliases: {track_id!r} is no track; similar ids: {near}")
        added = _texts(names, f"{path}: aliases: {track_id}")
        old = together[track_id]
        together[track_id] = Track(
            old.track_id, old.name, old.country, old.timezone, (*old.aliases, *added), old.also_in
        )
    return together


def _near(track_id: str, known: Iterable[str]) -> list[str]:
    return difflib.get_close_matches(track_id, list(known), n=3)
