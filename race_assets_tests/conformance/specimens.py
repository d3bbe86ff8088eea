"""A specimen of each source: how to write a file of it with given runners, one bad among them; no expectation."""

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from race_assets_tests.pipeline.feed import BSP_HEADER, CSV_HEADER, bsp_row, csv_row

DAY = date(2024, 6, 27)
DOGS = ("Alpha", "Beta", "Gamma", "Delta")


@dataclass(frozen=True)
class Specimen:
    """One source's way to write a race.

    Attributes:
        name: the source.
        file: a name its files have in the inbox.
        header: the header line.
        row: a runner's line: its dog, its trap, and whether its price is to be none.
        records: how many records each line makes.
        bad_rule: what a bad runner breaks.
        junk_rule: what a line breaks that is none of the source's.
        careful: whether such a line is counted as read one by one.
        junk_row: the number of such a line behind four runners.
        has_traps: its records know their traps.
        takes: its files have no header: each is a member like those of an archive.
    """

    name: str
    file: str
    header: str
    row: Callable[[str, int, bool], str]
    records: int = 1
    bad_rule: str = "number"
    junk_rule: str = "field_count"
    careful: int = 1
    junk_row: int = 6
    has_traps: bool = True
    takes: bool = False

    def bad_row(self, text: str, number: int) -> tuple[int, str]:
        """Where a file's bad runner, the so many-th, stands, and its text."""
        return number + 1, text.splitlines()[number]

    def text(self, dogs: Sequence[str] = DOGS, *, bad: Sequence[str] = ()) -> str:
        """A file of one race, the dogs in their traps."""
        rows = (self.row(dog, trap, dog in bad) for trap, dog in enumerate(dogs, start=1))
        return self.header + "".join(rows)


def _line(cells: dict[str, object], header: str) -> str:
    out = io.StringIO()
    names = header.strip().split(",")
    csv.DictWriter(out, names, restval="", lineterminator="\n").writerow(cells)
    return out.getvalue()


def _csv(dog: str, trap: int, is_bad: bool) -> str:
    return csv_row(DAY, f"{trap}. {dog}", selection=trap, price="11/0" if is_bad else "3.0")


def _bsp(dog: str, trap: int, is_bad: bool) -> str:
    return bsp_row(DAY, f"{trap}. {dog}", selection=trap, bsp="x" if is_bad else "4.5")


GBGB = (
    "meetingDate,meetingId,trackName,raceTime,raceDate,raceId,raceTitle,raceNumber,raceType,raceHandicap,raceClass,"
    "raceDistance,racePrizes,raceGoing,raceForecast,raceTricast,trapNumber,trapHandicap,dogId,dogName,dogSire,dogDam,"
    "dogBorn,dogColour,dogSex,dogSeason,trainerName,ownerName,SP,resultPosition,resultMarketPos,resultMarketCnt,"
    "resultPriceNumerator,resultPriceDenominator,resultBtnDistance,resultSectionalTime,resultComment,resultRunTime,"
    "resultDogWeight,resultAdjustedTime\n"
)
HUB = (
    "LOCAL_MEETING_DATE,SCHEDULED_RACE_TIME,ACTUAL_OFF_TIME,TRACK,STATE_CODE,RACE_NO,WIN_MARKET_ID,WIN_MARKET_NAME,"
    "PLACE_MARKET_ID,RACING_TYPE,DISTANCE,RACE_TYPE,SELECTION_ID,TAB_NUMBER,SELECTION_NAME,WIN_RESULT,WIN_BSP,"
    "PLACE_RESULT,PLACE_BSP,WIN_BSP_VOLUME,WIN_PREPLAY_MAX_PRICE_TAKEN,WIN_PREPLAY_MIN_PRICE_TAKEN,"
    "WIN_PREPLAY_LAST_PRICE_TAKEN,WIN_PREPLAY_WEIGHTED_AVERAGE_PRICE_TAKEN,WIN_PREPLAY_VOLUME,"
    "WIN_INPLAY_MAX_PRICE_TAKEN,WIN_INPLAY_MIN_PRICE_TAKEN,WIN_LAST_PRICE_TAKEN,"
    "WIN_INPLAY_WEIGHTED_AVERAGE_PRICE_TAKEN,WIN_INPLAY_VOLUME,PLACE_BSP_VOLUME,PLACE_MAX_PRICE_TAKEN,"
    "PLACE_MIN_PRICE_TAKEN,PLACE_LAST_PRICE_TAKEN,PLACE_WEIGHTED_AVERAGE_PRICE_TAKEN,PLACE_PREPLAY_VOLUME,"
    "BEST_AVAIL_BACK_AT_SCHEDULED_OFF,BEST_AVAIL_LAY_AT_SCHEDULED_OFF,BACK_MARKET_PERCENTAGE_AT_SCHEDULED_OFF,"
    "LAY_MARKET_PERCENTAGE_AT_SCHEDULED_OFF\n"
)


def _gbgb(dog: str, trap: int, is_bad: bool) -> str:
    cells = {
        "meetingDate": f"{DAY:%d/%m/%Y}", "meetingId": 77, "trackName": "Romford", "raceTime": "18:36:00",
        "raceDate": f"{DAY:%d/%m/%Y}", "raceId": 9001, "raceTitle": 'A "great", long night', "raceNumber": 3,
        "raceClass": "A3", "raceDistance": "400.0", "racePrizes": "1st £105", "trapNumber": trap, "dogId": 500 + trap,
        "dogName": dog, "SP": "11/0" if is_bad else f"{trap + 1}/2", "resultPosition": trap,
    }  # fmt: skip
    return _line(cells, GBGB)


def _hub(dog: str, trap: int, is_bad: bool) -> str:
    price = "x" if is_bad else "4.5"
    cells = {
        "LOCAL_MEETING_DATE": DAY, "SCHEDULED_RACE_TIME": "18:36:00.000", "ACTUAL_OFF_TIME": "18:36:44.000",
        "TRACK": "Horsham", "STATE_CODE": "VIC", "RACE_NO": 9, "WIN_MARKET_ID": 262410239, "PLACE_MARKET_ID": 262410240,
        "WIN_MARKET_NAME": "R9 410m Gr7", "RACING_TYPE": "Greyhounds", "DISTANCE": 410, "RACE_TYPE": "Gr7",
        "SELECTION_ID": 700 + trap, "TAB_NUMBER": trap, "SELECTION_NAME": dog, "WIN_BSP": price, "PLACE_BSP": price,
        "WIN_RESULT": "WINNER" if trap == 1 else "LOSER", "PLACE_RESULT": "WINNER" if trap <= 2 else "LOSER",
    }  # fmt: skip
    return _line(cells, HUB)


class StreamSpecimen(Specimen):
    """A market as two messages: each has all its runners, so a runner's text is the last of them."""

    def text(self, dogs: Sequence[str] = DOGS, *, bad: Sequence[str] = ()) -> str:
        """A file of one race, the dogs in their traps; a bad one has no name."""
        names = {trap: f"{trap}. {'' if dog in bad else dog}" for trap, dog in enumerate(dogs, start=1)}
        return "".join(_message(number, status, names) for number, status in enumerate(("OPEN", "CLOSED")))

    def bad_row(self, text: str, number: int) -> tuple[int, str]:
        """See `Specimen.bad_row`."""
        return number, text.splitlines()[-1]


def _message(number: int, status: str, names: dict[int, str]) -> str:
    outcome = {1: "WINNER"} if status == "CLOSED" else {}
    usual = "LOSER" if status == "CLOSED" else "ACTIVE"
    runners = [
        {"id": trap, "name": name, "status": outcome.get(trap, usual), "sortPriority": trap, "bsp": 4.5}
        for trap, name in names.items()
    ]
    definition = {
        "eventTypeId": "4339", "marketType": "WIN", "marketTime": f"{DAY}T17:36:00.000Z", "status": status,
        "venue": "Romford", "countryCode": "GB", "timezone": "Europe/London", "name": "A3 400m", "eventId": "33",
        "eventName": "Romford 27th Jun", "runners": runners,
    }  # fmt: skip
    change = {"id": "1.23", "marketDefinition": definition}
    return json.dumps({"op": "mcm", "clk": "1", "pt": 1719500000000 + number, "mc": [change]}) + "\n"


class PayloadSpecimen(Specimen):
    """A payload saved by hand: one race whose runners are JSON objects."""

    def text(self, dogs: Sequence[str] = DOGS, *, bad: Sequence[str] = ()) -> str:
        """A file of one race, the dogs in their traps."""
        runners = ", ".join(self.row(dog, trap, dog in bad) for trap, dog in enumerate(dogs, start=1))
        return f'{{"data": [{runners}]}}' if self.name.endswith("form") else f'{{"data": [{_race(runners)}]}}'

    def bad_row(self, text: str, number: int) -> tuple[int, str]:
        """See `Specimen.bad_row`."""
        items = json.loads(text)["data"]
        runners = items if self.name.endswith("form") else items[0]["runners"]
        return number, json.dumps(runners[number - 1])


THE_RACE = {"raceId": "2050001", "trackId": "11", "track": "Romford", "raceDate": f"{DAY}T18:36:00+01:00"}


def _race(runners: str) -> str:
    return f'{{{json.dumps(THE_RACE)[1:-1]}, "runners": [{runners}]}}'


def _rp_runner(dog: str, trap: int, is_bad: bool) -> str:
    odds = "11/0" if is_bad else "9/4"
    return json.dumps({"dogId": 600 + trap, "dogName": dog, "trapNum": f"{trap}", "oddsDesc": odds})


def _rp_view(dog: str, trap: int, is_bad: bool) -> str:
    return json.dumps({"dogId": 600 + trap, "dogName": dog, "trapNum": trap, "forecast": "11/0" if is_bad else "9/4"})


def _rp_form(dog: str, trap: int, is_bad: bool) -> str:
    run = {"rInstId": "7", "raceTime": "2024-06-01 18:36", "rOutcomeDesc": "1st"}
    return json.dumps({**THE_RACE, "dogId": 600 + trap, "dogName": "" if is_bad else dog, "forms": [run]})


SPECIMENS = (
    Specimen("betfair_csv", "greyhounds.csv", CSV_HEADER, _csv),
    Specimen("betfair_bsp", "dwbfgreyhoundwin28062024.csv", BSP_HEADER, _bsp),
    StreamSpecimen(
        "betfair_historic",
        "1.23",
        "",
        lambda *_: "",
        bad_rule="selection_name",
        junk_rule="readable",
        careful=0,
        junk_row=5,
        takes=True,
    ),
    StreamSpecimen(
        "betfair_exchange",
        "2024-06-27.jsonl",
        "",
        lambda *_: "",
        bad_rule="selection_name",
        junk_rule="readable",
        careful=0,
        junk_row=5,
        takes=True,
    ),
    PayloadSpecimen(
        "racing_post_races",
        "2024-06-27-races.json",
        '{"data": []}',
        _rp_runner,
        junk_rule="readable",
        careful=0,
        junk_row=5,
    ),
    PayloadSpecimen(
        "racing_post_form",
        "2024-06-27-form.json",
        '{"data": []}',
        _rp_form,
        bad_rule="selection_name",
        junk_rule="readable",
        careful=0,
        junk_row=5,
        has_traps=False,
    ),
    PayloadSpecimen(
        "racing_post_analysis",
        "2024-06-27-analysis.json",
        '{"data": []}',
        _rp_view,
        junk_rule="readable",
        careful=0,
        junk_row=5,
    ),
    Specimen("gbgb_results", "results.csv", GBGB, _gbgb),
    Specimen("betfair_hub", "ANZ_Greyhounds_2024_06.csv", HUB, _hub, records=2),
)
