"""What each source says of a race it tells, as rows of the shape of records with the truth beside them."""

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from race_assets_tests.linking_corpus.rates import BETFAIR, CLUB, RACING_POST, Rates
from race_assets_tests.linking_corpus.spelling import CUT, ascii_name, misspelt
from race_assets_tests.linking_corpus.world import Entry, Meeting, Race, track_names

Row = dict[str, Any]

_ORDINALS = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
_TAGS = {"AU": " (AUS)", "NZ": " (NZL)"}
_STYLES = ("BOTH", "RESERVE_ALONE", "RESERVE_ELSEWHERE")
"""A replaced dog is told with its reserve in the trap; not at all; with the reserve in trap 7 or in none."""
_CURRENCY = {"GB": "GBP", "IE": "EUR", "AU": "AUD", "NZ": "NZD"}
_FRACTIONS = (("6/4", 2.5), ("2/1", 3.0), ("5/2", 3.5), ("3/1", 4.0), ("4/1", 5.0), ("5/1", 6.0), ("8/1", 9.0))


@dataclass(frozen=True)
class Card:
    """How a source keeps one meeting: ids, the track's name, and how the club's file of it was made."""

    source: str
    meeting: Meeting
    track_name: str
    event_id: str
    file: str
    first_market: int
    renumbered_from: int = 99
    numbers_before: int = 0
    has_traps: bool = True
    has_dog_ids: bool = True
    is_upper: bool = False
    mistakes: float = 0.0


class Teller:
    """Speaks for all sources; keeps what they need to hand out ids."""

    def __init__(self, rng: Random, rates: Rates) -> None:
        self.rng = rng
        self.rates = rates
        self._next = {BETFAIR: 220_000_000, RACING_POST: 2_050_000}
        self._files: dict[tuple[str, dt.date, str], dict[str, Any]] = {}

    def card(self, source: str, meeting: Meeting, races_before: int = 0) -> Card:
        """The source's card of a meeting; `races_before` were on the track's first meeting of the day."""
        rng, rates = self.rng, self.rates
        names = track_names()[meeting.track.track_id]
        name = rng.choice(names[1:] or names) if self._chance(rates.track_alias[source]) else names[0]
        first = self._next.get(source, 0) + rng.randint(1, 60)
        self._next[source] = first + 3 * len(meeting.races)
        event_id = str(rng.randint(30_000_000, 34_999_999) if source == BETFAIR else first)
        file = hashlib.sha256(f"{source} {meeting.day} {meeting.track.country}".encode()).hexdigest()
        told: dict[str, Any] = {"mistakes": rates.misspelt[source]}
        if source == CLUB:
            event_id = name
            told |= self._club_file(meeting)
            told |= {
                "numbers_before": races_before if self._chance(rates.numbered_through) else 0,
                "renumbered_from": rng.randint(1, 8) if self._chance(rates.renumbered) else 99,
            }
        return Card(source, meeting, name, event_id, file, first, **told)

    def _club_file(self, meeting: Meeting) -> dict[str, Any]:
        """What holds for all of the club's file of one day and country."""
        rates, key = self.rates, (CLUB, meeting.day, meeting.track.country)
        if key not in self._files:
            twice = 2 if self._chance(rates.misspelt_file) else 1
            self._files[key] = {
                "has_traps": not self._chance(rates.file_without_traps),
                "has_dog_ids": not self._chance(rates.file_without_dog_ids),
                "is_upper": self._chance(rates.upper_case_file),
                "mistakes": rates.misspelt[CLUB] * twice,
            }
        return self._files[key]

    def styles(self, sources: Sequence[str]) -> dict[str, str]:
        """How each source tells a reserve: each another way, or the card as it was before."""
        ways = self.rng.sample(_STYLES, len(sources))
        return {
            source: "AS_BEFORE" if self._chance(self.rates.reserve_unknown) else way
            for source, way in zip(sources, ways, strict=True)
        }

    def rows(self, card: Card, race: Race, off: dt.datetime, style: str) -> Iterator[Row]:
        """The rows of a race's WIN market, and of Betfair's PLACE market."""
        shared = self._shared(card, race, off)
        runners = list(self._runners(card, race, style))
        is_place_only = card.source == BETFAIR and self._chance(self.rates.place_market_only)
        if not is_place_only:
            yield from ({**shared, **runner} for runner in runners)
        if is_place_only or (card.source == BETFAIR and self._chance(self.rates.place_market)):
            step = 1 if self._chance(0.8) else 2
            market = f"1.{card.first_market + 3 * race.on_card + step}"
            unsaid = {"market_id": market, "market_type": "PLACE"} | dict.fromkeys(_NOT_IN_PLACE_MARKETS)
            yield from ({**shared, **runner, **unsaid, "result": _placed(runner)} for runner in runners)

    def _chance(self, share: float) -> bool:
        return self.rng.random() < share

    def _shared(self, card: Card, race: Race, off: dt.datetime) -> Row:
        meeting = race.meeting
        return {
            "source": card.source,
            "source_file": card.file,
            "race": race.number,
            "market_id": self._market_id(card, race, off),
            "event_id": card.event_id,
            "event_name": _event_name(card, meeting),
            "market_type": "WIN",
            "track_name": card.track_name,
            "track_id": meeting.track.track_id,
            "country": meeting.track.country,
            "start_at": off,
            "observed_at": off + dt.timedelta(hours=3),
            "currency": "GBP" if card.source == BETFAIR else _CURRENCY[meeting.track.country],
            **self._details(card, race),
        }

    def _market_id(self, card: Card, race: Race, off: dt.datetime) -> str:
        if card.source == CLUB:
            return f"{card.event_id}@{off:%Y%m%dT%H%MZ}"
        number = card.first_market + (3 if card.source == BETFAIR else 1) * race.on_card
        return f"1.{number}" if card.source == BETFAIR else str(number)

    def _details(self, card: Card, race: Race) -> Row:
        """Grade, distance and number of the race, as far as the source states them."""
        rates, source, is_club = self.rates, card.source, card.source == CLUB
        grade: str | None = race.grade
        if is_club and self._chance(rates.grade_otherwise):
            grade = "Open" if race.grade == "OR" else race.grade[0] + str(self.rng.randint(1, 9))
        distance: int | None = race.distance
        if is_club and self._chance(rates.distance_rounded):
            distance = race.distance + self.rng.choice((-3, -2, -1, 1, 2, 3))
        number: int | None = race.on_card + card.numbers_before + (race.on_card >= card.renumbered_from)
        if source == BETFAIR and not race.meeting.is_oceanic:
            number = None
        return {
            "race_type": None if self._chance(rates.grade_missing[source]) else grade,
            "distance_m": None if self._chance(rates.distance_missing[source]) else distance,
            "race_number": None if self._chance(rates.number_missing[source]) else number,
        }

    def _runners(self, card: Card, race: Race, style: str) -> Iterator[Row]:
        rng, rates, source = self.rng, self.rates, card.source
        told = [entry for entry in race.entries if self._tells(source, entry, style)]
        if self._chance(rates.half_field_lost):
            told = rng.sample(told, (len(told) + 1) // 2)
        told = [entry for entry in told if not self._chance(rates.runner_missing[source])] or told[:1]
        traps = self._traps(card, told, style)
        places = None if race.is_void or self._chance(rates.result_missing[source]) else self._places(source, told)
        is_cut = source == BETFAIR and self._chance(rates.betfair_cuts)
        ids: set[str] = set()
        for entry in told:
            name, trap = self._name(card, entry, traps[entry.runner], is_cut=is_cut), traps[entry.runner]
            row = {
                "runner": entry.runner,
                "selection_id": _selection_id(card, entry, name, trap, ids),
                "selection_name": name,
                "trap": trap,
                "status": _status(race, entry, style),
            }
            yield row | self._outcome(source, race, entry, places)

    def _tells(self, source: str, entry: Entry, style: str) -> bool:
        rates = self.rates
        if entry.part == "VACANT":
            return source == RACING_POST and self._chance(rates.vacant_listed)
        if entry.part == "IDLE":
            return source == RACING_POST or entry.trap > 8  # rugs 9 and 10
        if entry.part == "SCRATCHED":
            return source == BETFAIR or not self._chance(rates.scratched_untold)
        if entry.part == "REPLACED":
            return style != "RESERVE_ALONE"
        return entry.part == "RAN" or style != "AS_BEFORE"

    def _traps(self, card: Card, told: Sequence[Entry], style: str) -> dict[int, int | None]:
        """The trap the source states, by runner."""
        rng, rates = self.rng, self.rates
        traps: dict[int, int | None] = {entry.runner: entry.trap for entry in told}
        for entry in told:
            if entry.part == "RESERVE":
                # Oceania's reserves keep their rug on Betfair, whatever box they start from (API_CONTRACTS 8.3).
                if card.meeting.is_oceanic and card.source == BETFAIR:
                    traps[entry.runner] = entry.rug
                elif style == "RESERVE_ELSEWHERE":
                    traps[entry.runner] = entry.rug if card.source == BETFAIR or self._chance(0.5) else None
        if card.source == CLUB:
            for entry in told:
                if self._chance(rates.wrong_trap):
                    other = rng.choice(told)
                    traps[entry.runner], traps[other.runner] = traps[other.runner], traps[entry.runner]
            if not card.has_traps or self._chance(rates.race_without_traps):
                traps = dict.fromkeys(traps)
        return traps

    def _name(self, card: Card, entry: Entry, trap: int | None, *, is_cut: bool) -> str:
        rng, rates, name = self.rng, self.rates, entry.dog.name
        if entry.part == "VACANT":
            return name
        if self._chance(card.mistakes):
            name = misspelt(rng, name, 2 if self._chance(rates.misspelt_twice) else 1)
        is_reserve = entry.part in ("RESERVE", "IDLE")
        if card.source == BETFAIR:
            name = ascii_name(name)
            mark = rng.choice((" (Res)", " (res)")) if is_reserve else ""
            return f"{trap}. {name[:CUT] if is_cut else name}{mark}"
        if card.source == RACING_POST:
            mark = " (Res)" if is_reserve and self._chance(0.5) else ""
            return name + (rng.choice((" (W)", " (M)")) if self._chance(rates.running_mark) else mark)
        name += " (IRE)" if self._chance(rates.country_mark) else ""
        return name.upper() if card.is_upper else name

    def _places(self, source: str, told: Sequence[Entry]) -> dict[int, int]:
        """The position the source states, by runner."""
        places = {entry.runner: entry.position for entry in told if entry.position is not None}
        if source == CLUB and self._chance(self.rates.wrong_result):
            exchanged = {1: 2, 2: 1}
            places = {runner: exchanged.get(place, place) for runner, place in places.items()}
        return places

    def _outcome(self, source: str, race: Race, entry: Entry, places: dict[int, int] | None) -> Row:
        if race.is_void:
            return {"result": "VOID" if source == BETFAIR else None}
        place = None if places is None else places.get(entry.runner)
        if place is None:
            return {}
        firsts = 0 if places is None else sum(each == 1 for each in places.values())
        fraction, decimal = self.rng.choice(_FRACTIONS)
        prices: Row = {"sp_fraction": fraction, "sp_decimal": decimal, "finish_position": place}
        if source == BETFAIR:
            prices = {"bsp": round(decimal * self.rng.uniform(0.9, 1.3), 2)}
        return {
            "result": "WINNER" if place == 1 else "LOSER",
            "is_dead_heat": place == 1 and firsts > 1,
            **prices,
        }


_NOT_IN_PLACE_MARKETS = ("race_type", "distance_m", "race_number", "bsp", "is_dead_heat")


def _placed(runner: Row) -> str | None:
    """A runner's result in the PLACE market; which losers were second no test of linking asks."""
    result = runner.get("result")
    return "PLACED" if result == "WINNER" else result


def _status(race: Race, entry: Entry, style: str) -> str:
    if entry.part in ("IDLE", "VACANT"):
        return "INACTIVE"
    is_gone = entry.part == "SCRATCHED" or (entry.part == "REPLACED" and style != "AS_BEFORE")
    return "SCRATCHED" if is_gone or race.is_void else "ACTIVE"


def _selection_id(card: Card, entry: Entry, name: str, trap: int | None, taken: set[str]) -> str:
    """The source's id of the runner; a club's file without ids knows it by its trap, else by its name."""
    number = entry.dog.ids.get(card.source) or f"v{entry.trap}"
    if card.source == CLUB and not card.has_dog_ids:
        by_trap = f"t{trap}"
        number = name.upper() if trap is None or by_trap in taken else by_trap
    taken.add(number)
    return number


def _event_name(card: Card, meeting: Meeting) -> str:
    day = meeting.day
    name, tag = card.track_name, _TAGS.get(meeting.track.country, "")
    if card.source == BETFAIR:
        return f"{name}{tag} {day.day}{_ORDINALS.get(day.day, 'th')} {day:%b}"
    return f"{name} {day:%d/%m/%Y}"
