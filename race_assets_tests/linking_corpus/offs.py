"""Which source tells a race at all, and which off it states; what it says of the runners is not decided here."""

import datetime as dt
from collections.abc import Sequence
from random import Random

from race_assets_tests.linking_corpus.rates import SOURCES, Rates
from race_assets_tests.linking_corpus.world import Meeting, Race

Told = dict[str, dict[int, dt.datetime]]
"""By source and number of a race: the off the source states. A race a source does not tell is absent."""

_LEAST_GAP = 2
"""Minutes between two offs that one source states at one meeting: no source lists two races at once."""


def told_offs(rng: Random, rates: Rates, meeting: Meeting, sources: Sequence[str] = SOURCES) -> Told:
    """What each source tells of a meeting's races, and when they say these go off."""
    tellers = _tellers(rng, rates, meeting, sources)
    delays = _delays(rng, rates, meeting, sources)
    told: Told = {}
    for source in sources:
        races = [race for race in meeting.races if source in tellers[race.number]]
        told[source] = _in_order(races, {race.number: delays[source, race.number] for race in races})
    return told


def _tellers(rng: Random, rates: Rates, meeting: Meeting, sources: Sequence[str]) -> dict[int, set[str]]:
    present = [source for source in sources if rng.random() >= rates.meeting_missing[source]]
    tellers: dict[int, set[str]] = {}
    for race in meeting.races:
        telling = {source for source in present if rng.random() >= rates.race_missing[source]}
        if race.is_void:
            telling = {source for source in present if rng.random() < rates.void_told[source]}
            telling = telling or {rng.choice(sources)}
        if rng.random() < rates.one_source_only:
            telling = {rng.choice(sources)}
        tellers[race.number] = telling
        if race.twin_of and rng.random() < rates.twin_told_once:
            for source in sources:
                tellers[rng.choice((race, race.twin_of)).number].discard(source)
    return tellers


def _delays(rng: Random, rates: Rates, meeting: Meeting, sources: Sequence[str]) -> dict[tuple[str, int], int]:
    """Minutes by source and race; all of a meeting on one side of 0, so that no two sources differ by more."""
    most = rates.largest_delay
    side = 1 if rng.random() < rates.delay_is_later else -1
    shift = {source: rng.randint(1, most) if rng.random() < rates.delayed_meeting else 0 for source in sources}
    delays = {(source, race.number): shift[source] for race in meeting.races for source in sources}
    for race in meeting.races:
        if rng.random() < rates.delayed_race:
            how_many = 2 if rng.random() < rates.two_sources_delayed else 1
            for source in rng.sample(sources, min(how_many, len(sources))):
                delays[source, race.number] += rng.randint(1, most)
        if race.twin_of and rng.random() < rates.twins_delayed_together:
            source, minutes = rng.choice(sources), rng.randint(1, most)
            delays[source, race.number] = delays[source, race.twin_of.number] = minutes
    return {key: side * min(minutes, most) for key, minutes in delays.items()}


def _in_order(races: Sequence[Race], delays: dict[int, int]) -> dict[int, dt.datetime]:
    """The stated offs; a delay that would put a race onto or past its neighbour is made smaller."""
    told: dict[int, dt.datetime] = {}
    is_later = any(minutes > 0 for minutes in delays.values())
    gap = dt.timedelta(minutes=_LEAST_GAP)
    neighbour: dt.datetime | None = None
    for race in reversed(races) if is_later else races:
        off = race.off + dt.timedelta(minutes=delays[race.number])
        if neighbour is not None:
            off = min(off, neighbour - gap) if is_later else max(off, neighbour + gap)
        told[race.number] = neighbour = off
    return told
