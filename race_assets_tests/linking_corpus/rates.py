"""How large the corpus is and how often each thing goes wrong in it: constants, fixed before there was a linker."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

BETFAIR, RACING_POST, CLUB = SOURCES = ("betfair_historic", "racing_post_races", "club")

DEVELOPMENT_SEEDS = (11, 12, 13, 14, 15)
"""To look into while a linker is written."""
MEASURED_SEEDS = (7_301, 7_302, 7_303, 7_304, 7_305, 7_306, 7_307)
"""For the figures that are reported; nobody looks at their wrong pairs before the figures stand."""


def _shares(betfair: float, racing_post: float, club: float) -> Any:
    shares = MappingProxyType(dict(zip(SOURCES, (betfair, racing_post, club), strict=True)))
    return field(default_factory=lambda: shares)


@dataclass(frozen=True)
class Rates:
    """Every size and rate. A share is of what its comment names, drawn for each on its own unless it says otherwise."""

    # Size: days x (meetings + second meetings) x races a meeting, and the twins on top, is some 2,500 races.
    days: tuple[dt.date, ...] = (
        dt.date(2023, 12, 31),  # the year turns
        dt.date(2024, 1, 1),
        dt.date(2024, 3, 31),  # London and Dublin go forward
        dt.date(2024, 4, 7),  # Sydney, Melbourne, Adelaide, Hobart and Auckland go back
        dt.date(2024, 5, 18),
        dt.date(2024, 6, 27),
        dt.date(2024, 6, 28),
        dt.date(2024, 8, 3),
        dt.date(2024, 9, 29),  # Auckland goes forward
        dt.date(2024, 10, 6),  # Sydney, Melbourne, Adelaide and Hobart go forward
        dt.date(2024, 10, 27),  # London and Dublin go back
        dt.date(2024, 11, 16),
    )
    meetings: tuple[tuple[str, int], ...] = (("GB", 9), ("IE", 2), ("AU", 4), ("NZ", 1))  # tracks a day
    double_meetings: int = 2  # tracks a day, of those above, that hold an afternoon and an evening meeting
    races_a_meeting: tuple[int, int] = (10, 13)
    minutes_between_races: tuple[int, int] = (13, 19)
    last_race_at_midnight: float = 0.02  # of meetings: so late that the last races cross the day's end

    # Who tells what.
    race_missing: Mapping[str, float] = _shares(0.06, 0.05, 0.12)  # of races
    one_source_only: float = 0.05  # of races: told by one source, any of the three
    meeting_missing: Mapping[str, float] = _shares(0.01, 0.02, 0.05)  # of meetings
    place_market: float = 0.7  # of Betfair's WIN markets: has a PLACE market
    place_market_only: float = 0.01  # of Betfair's races: the WIN market is lost, the PLACE market is told
    runner_missing: Mapping[str, float] = _shares(0.05, 0.10, 0.15)  # of runners in a told race
    half_field_lost: float = 0.02  # of told races: half the runners are missing

    # Times.
    delayed_race: float = 0.22  # of races: one source, sometimes two, states an off that was moved
    delayed_meeting: float = 0.12  # of (meeting, source): all its offs are moved by the same minutes
    largest_delay: int = 10  # minutes between any two sources
    delay_is_later: float = 0.65  # of meetings; in the others what is moved is earlier
    two_sources_delayed: float = 0.3  # of delayed races

    # Names.
    betfair_cuts: float = 0.75  # of Betfair's races: names are cut to 16 characters
    long_name: float = 0.32  # of dogs: longer than that
    misspelt: Mapping[str, float] = _shares(0.02, 0.04, 0.24)  # of told names
    misspelt_twice: float = 0.2  # of the misspelt: two mistakes in one name
    misspelt_file: float = 0.1  # of the club's files (a day): names keyed in haste, twice as many mistakes
    apostrophe: float = 0.05  # of dogs; Betfair drops it
    accent: float = 0.02  # of dogs; Betfair drops it
    upper_case_file: float = 0.3  # of the club's files
    running_mark: float = 0.1  # of Racing Post's names: `(W)` or `(M)` behind it
    country_mark: float = 0.05  # of the club's names: `(IRE)` behind it

    # Traps.
    race_without_traps: float = 0.08  # of the club's races
    file_without_traps: float = 0.17  # of the club's files
    wrong_trap: float = 0.004  # of the club's traps: exchanged with another dog's
    file_without_dog_ids: float = 0.25  # of the club's files: runners known by trap or name

    # Races that are easily taken for one another.
    twin: float = 0.10  # of races: another follows 5-6 minutes later, same track, grade and distance
    twin_minutes: tuple[int, int] = (5, 6)
    twin_looks_alike: float = 0.3  # of twins: every dog's name is nearly that of the first race's dog in its trap
    twin_same_kennel: float = 0.3  # of twins: most dogs of both bear one kennel's prefix
    twin_told_once: float = 0.25  # of twins: each source tells only one of the two
    twins_delayed_together: float = 0.35  # of twins: one source moves both by the same minutes
    numbered_through: float = 0.3  # of second meetings: the club numbers both meetings' races as one card
    renumbered: float = 0.04  # of (meeting, club): race numbers are one too high from some race on

    # Dogs that are easily taken for one another.
    namesake: float = 0.04  # of races: one dog bears the name of another that runs elsewhere that day
    double_entry: float = 0.02  # of races: one dog is entered at a second meeting of the day, and scratched from one
    cut_alike: float = 0.03  # of races: two dogs whose names are one when cut
    kennel: float = 0.55  # of dogs: the name begins with a kennel's prefix
    kennels: int = 14

    # Fields.
    short_field: float = 0.12  # of races: one or two traps vacant
    reserve: float = 0.09  # of races: a dog was replaced by a reserve
    reserve_unknown: float = 0.12  # of sources at such a race: tells the card as it was before
    scratched: float = 0.06  # of races: a dog withdrawn and not replaced
    scratched_untold: float = 0.4  # of sources at such a race, Betfair never: the dog is left out
    idle_reserve: float = 0.12  # of races: Racing Post and AU, NZ cards name a reserve that did not get in
    vacant_listed: float = 0.15  # of vacant traps: Racing Post lists one as a runner without a dog

    # Races that did not happen.
    void: float = 0.015  # of races
    abandoned_meeting: float = 0.03  # of meetings: all races from some race on
    void_told: Mapping[str, float] = _shares(0.7, 0.8, 0.3)  # of such races; where no source would tell, one does

    # What else is told otherwise.
    track_alias: Mapping[str, float] = _shares(0.4, 0.35, 0.6)  # of (meeting, source): one of the registry's aliases
    grade_missing: Mapping[str, float] = _shares(0.02, 0.01, 0.25)  # of told races
    grade_otherwise: float = 0.04  # of the club's grades
    distance_missing: Mapping[str, float] = _shares(0.02, 0.01, 0.15)  # of told races
    distance_rounded: float = 0.15  # of the club's: off by up to three metres, as yards turned to metres are
    number_missing: Mapping[str, float] = _shares(0.0, 0.03, 0.4)  # of told races; Betfair numbers AU and NZ alone
    result_missing: Mapping[str, float] = _shares(0.03, 0.05, 0.3)  # of told races: cards without a result
    dead_heat: float = 0.01  # of races
    wrong_result: float = 0.01  # of the club's results: first and second exchanged

    # The year of the clock guard: two sources, small trouble.
    year_first: dt.date = dt.date(2024, 1, 1)
    year_days: int = 365
    year_tracks: tuple[str, ...] = ("gb-romford", "gb-kinsley", "ie-shelbourne-park", "au-sandown-park")
    year_meetings: tuple[int, int] = (2, 3)  # tracks a day
    year_races: tuple[int, int] = (9, 11)  # a meeting
    year_race_missing: float = 0.02
    year_delayed_race: float = 0.05
    year_largest_delay: int = 3  # minutes


RATES = Rates()

LEAST_RACES = 2_000
LEAST_NAMES_ALTERED = 0.30
LEAST_RUNNERS_MISSING = 0.20
