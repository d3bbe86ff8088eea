"""What `race-assets tracks` does: looks names up, and keeps further names in the user's own `tracks.yaml`."""

import difflib
import shutil
from collections.abc import Sequence
from pathlib import Path

from race_assets.errors import SettingsError
from race_assets.identity.alias_text import with_alias
from race_assets.identity.tracks import Track, TrackRegistry, key, own_file, tagged_country
from race_assets.storage.files import replacing


def known_country(registry: TrackRegistry, country: str | None) -> str | None:
    """The country an option names, in capitals.

    Raises:
        SettingsError: no track is there; lists the countries there are.
    """
    known = sorted(set(registry.lookup["country"]))
    if country is not None and country.upper() not in known:
        raise SettingsError(f"--country {country!r} has no tracks; there are {', '.join(known)}")
    return country and country.upper()


def listed(registry: TrackRegistry, country: str | None) -> list[list[str]]:
    """Each track with its id, country, zone and further names."""
    return [
        [track.track_id, track.name, track.country, track.timezone, ", ".join(track.aliases)]
        for track in registry.tracks
        if country in {None, track.country, *track.also_in}
    ]


def add_alias(home: Path, track_id: str, name: str) -> bool:
    """Adds a name to a track, all else in the file left as it stands; False where it means that track already.

    Raises:
        SettingsError: there is no such track, or the name means another one. The file is then left as it was.
    """
    file = own_file(home).resolve()
    registry = TrackRegistry.load(file if file.exists() else None)
    track = _track(registry, track_id)
    if found(registry, name, track.country) == track.track_id:
        return False
    _refuse_what_means_another(registry, track, name)
    text = file.read_bytes().decode() if file.exists() else ""
    try:
        text = with_alias(text, track_id, name)
    except SettingsError as error:
        raise SettingsError(f"{file}: {error}") from None
    with replacing(file) as part:
        part.write_bytes(text.encode())
        if file.exists():
            shutil.copymode(file, part)
        # Whatever would be wrong with it is found before it takes the other's place.
        TrackRegistry.load(part)
    return True


def _refuse_what_means_another(registry: TrackRegistry, track: Track, name: str) -> None:
    tag = tagged_country(name)
    if tag is not None and tag not in {track.country, *track.also_in}:
        raise SettingsError(
            f"{name!r} bears the tag of {tag}, but {track.track_id} is in {track.country}; leave it out"
        )
    others = [each for each in registry.meanings(name) if each != track]
    if near := [each for each in others if track.shares_country(each)]:
        raise SettingsError(
            f"{name!r} means {_named(near)} already, in the same country as {track.track_id}: one name cannot mean two "
            "tracks there"
        )
    if others and tag is None:
        raise SettingsError(
            f"{name!r} means {_named(others)} already and would be ambiguous where a row tells no country; give it to "
            f"{track.track_id} for rows of {track.country} alone by writing {registry.alias_for(track, name)!r}"
        )
    if not key(name):
        raise SettingsError(f"{name!r} has nothing to be found by: it needs more than words such as stadium")


def _named(tracks: Sequence[Track]) -> str:
    return ", ".join(f"{each.track_id} ({each.name}, {each.country})" for each in tracks)


def found(registry: TrackRegistry, name: str, country: str | None) -> str | None:
    """The track a name means, if any."""
    import polars as pl

    frame = pl.DataFrame({"track_name": [name], "country": pl.Series([country], dtype=pl.String)})
    track_id: str | None = registry.resolve(frame)["track_id"][0]
    return track_id


def _track(registry: TrackRegistry, track_id: str) -> Track:
    by_id = {track.track_id: track for track in registry.tracks}
    if track_id not in by_id:
        near = difflib.get_close_matches(track_id, by_id, 3, 0.5)
        raise SettingsError(f"there is no track {track_id!r}; nearest ids: {', '.join(near) or 'none'}")
    return by_id[track_id]
