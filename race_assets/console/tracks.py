"""What `race-assets tracks` does: looks names up, and keeps further names in the user's own `tracks.yaml`."""

import difflib
from pathlib import Path

import yaml

from race_assets.errors import SettingsError
from race_assets.identity.tracks import Track, TrackRegistry
from race_assets.storage.files import replacing

Entries = dict[str, list[str]]


def own_file(home: Path) -> Path:
    """Where the user's own tracks and aliases are kept."""
    return home / "tracks.yaml"


def listed(registry: TrackRegistry, country: str | None) -> list[list[str]]:
    """Each track with its id, country, zone and further names."""
    return [
        [track.track_id, track.name, track.country, track.timezone, ", ".join(track.aliases)]
        for track in registry.tracks
        if country in {None, track.country}
    ]


def add_alias(home: Path, track_id: str, name: str) -> bool:
    """Adds a name to a track; False where it means that track already.

    Raises:
        SettingsError: there is no such track, or the name means another one. The file is then left as it was.
    """
    file = own_file(home)
    registry = TrackRegistry.load(file if file.exists() else None)
    track = _track(registry, track_id)
    if found(registry, name, track.country) == track.track_id:
        return False
    content = _content(file)
    aliases: Entries = content.setdefault("aliases", {})
    aliases.setdefault(track_id, []).append(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as part:
        part.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")
        # Whatever would be wrong with it is found before it takes the other's place.
        TrackRegistry.load(part)
    return True


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


def _content(file: Path) -> dict[str, Entries]:
    if not file.exists():
        return {}
    content = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    return dict(content)
