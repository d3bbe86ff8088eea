"""The words racing people use for columns, and how well a column's name fits a column of a record."""

import re
from collections.abc import Mapping

DATE, CLOCK, MOMENT = "date", "time of day", "date and time"
NON_RUNNER = "flag of a non-runner"

# What racing people call things, and how telling the word is. A phrase counts when all its words stand in the name.
WORDS: Mapping[str, Mapping[str, float]] = {
    "track_name": {
        "track": 1, "track name": 1, "venue": 1, "course": 0.95, "stadium": 0.95, "meeting": 0.7, "racecourse": 1,
        "meeting name": 0.8, "location": 0.7, "circuit": 0.8, "place name": 0.6, "track code": 0.8, "venue name": 1,
        "race track": 1,
    },
    DATE: {
        "date": 1, "race date": 1, "day": 0.7, "meeting date": 0.95, "local date": 0.95, "race day": 0.9,
        "event date": 1, "local meeting date": 1,
    },
    CLOCK: {
        "time": 0.8, "race time": 1, "off": 0.95, "off time": 1, "start time": 1, "scheduled time": 1, "post time": 1,
        "jump time": 1, "jump": 0.8, "scheduled race time": 1, "start": 0.8, "sched": 0.7, "sched time": 1,
    },
    MOMENT: {
        "start": 0.9, "start time": 1, "off": 0.9, "off time": 0.95, "start at": 1, "datetime": 1, "date time": 1,
        "race time": 0.95, "scheduled": 0.8, "event time": 0.9, "market time": 1, "advertised start": 1, "when": 0.6,
        "race date time": 1, "race datetime": 1, "time": 0.8, "date": 0.7, "race date": 0.75, "market start time": 1,
        "race dt": 0.9, "event dt": 1, "start date": 0.9, "off dt": 0.95, "jump time": 1, "start time utc": 1,
        "utc": 0.6, "race start": 1,
    },
    "trap": {
        "trap": 1, "trap number": 1, "box": 1, "draw": 0.95, "rug": 1, "tab number": 0.95, "tab": 0.8, "stall": 0.9,
        "runner number": 0.8, "post position": 0.9, "rug number": 1, "box number": 1, "barrier": 0.8, "trap no": 1,
        "tp": 0.7, "box no": 1, "number": 0.6, "no": 0.6, "num": 0.6, "trap draw": 1, "draw number": 0.95,
    },
    "selection_name": {
        "dog": 0.95, "dog name": 1, "greyhound": 1, "greyhound name": 1, "runner": 0.9, "runner name": 1,
        "selection": 0.9, "selection name": 1, "hound": 0.95, "competitor": 0.8, "name": 0.7, "entrant": 0.8,
    },
    "price": {
        "price": 0.95, "odds": 1, "win odds": 1, "decimal odds": 1, "win price": 1, "back price": 0.9,
        "fixed odds": 0.95, "best price": 0.9, "quote": 0.8, "odds dec": 1, "odds decimal": 1,
        "odds frac": 0.9,
    },
    "last_traded": {"last traded": 1, "ltp": 1, "last traded price": 1, "last price taken": 1, "last price": 0.9},
    "bsp": {"bsp": 1, "win bsp": 1, "betfair sp": 1, "betfair starting price": 1, "exchange sp": 0.9},
    "sp_fraction": {
        "sp": 1, "starting price": 1, "isp": 1, "s p": 1, "returned sp": 1, "official sp": 1, "start price": 1,
        "sp frac": 1, "sp fraction": 1, "sp fractional": 1, "starting price fraction": 1, "odds desc": 1,
    },
    "sp_decimal": {
        "sp dec": 1, "sp decimal": 1, "decimal starting price": 1, "starting price dec": 1, "isp dec": 1,
        "isp decimal": 1,
    },
    "finish_position": {
        "position": 0.95, "finish": 0.9, "finish position": 1, "finishing position": 1, "pos": 0.95, "plc": 1,
        "place": 0.7, "placing": 0.9, "result position": 1, "fin": 0.8, "finished": 0.9, "finish pos": 1,
        "result": 0.6, "placed": 0.6, "outcome desc": 0.95,
    },
    "result": {
        "result": 0.9, "win result": 1, "outcome": 0.9, "won": 1, "is winner": 1, "winner": 0.7, "win flag": 1,
        "win lose": 1, "is win": 1, "win": 0.6, "runner result": 0.9,
    },
    "status": {
        "status": 0.9, "runner status": 1, "ride status": 1, "dog status": 1, "selection status": 1, "entry status": 1,
        "greyhound status": 1,
    },
    NON_RUNNER: {
        "non runner": 1, "scratched": 1, "scratching": 0.9, "withdrawn": 1, "nr": 0.8, "scr": 0.8, "removed": 0.8,
        "did not run": 1,
    },
    "race_number": {
        "race number": 1, "race no": 1, "race": 0.7, "raceno": 1, "race num": 1, "race title": 0.5, "race name": 0.5,
        "race id": 0.7,
    },
    "distance_m": {
        "distance": 1, "dist": 1, "race distance": 1, "trip": 0.9, "metres": 0.9, "distance m": 1, "meters": 0.9,
        "distance in metres": 1,
    },
    "race_type": {"grade": 1, "class": 0.9, "race class": 1, "race grade": 1, "g": 0.6, "gd": 0.7},
    "market_id": {"market id": 1, "race id": 1, "win market id": 1},
    "event_id": {"event id": 1, "meeting id": 0.95},
    "selection_id": {"selection id": 1, "dog id": 1, "runner id": 1, "greyhound id": 1},
    "volume": {"volume": 0.9, "matched": 0.9, "traded": 0.8, "total matched": 1, "win volume": 0.9},
}  # fmt: skip
# Words of columns about something else that share a word with ours.
OTHERS = {
    "sire", "dam", "owner", "trainer", "breeder", "jockey", "colour", "color", "born", "birth", "dob", "whelped", "sex",
    "season", "comment", "comments", "handicap", "actual", "sectional", "split", "splits", "run", "winner", "winning",
    "adjusted", "calculated", "best", "prize", "prizes", "going", "weight", "place", "inplay", "max", "min", "average",
    "avg", "percentage", "market", "numerator", "denominator", "forecast", "tricast", "finish", "second", "third",
    "career", "form", "last", "previous", "prev", "next", "beaten", "margin", "fair", "rated", "model", "tissue", "our",
    "expected", "predicted", "value", "bet", "lay", "profit", "stake", "state", "change", "rank", "url", "generated",
    "scraped", "created", "updated", "settled", "fetched", "observed", "downloaded", "recorded", "captured", "parsed",
    "added", "modified", "published", "inserted", "imported", "exported", "extracted", "saved", "processed",
    "collected", "edge", "rate", "history", "count", "1st", "2nd", "3rd", "bon", "speed", "early", "first",
    "fourth", "winners", "historical", "hist", "frac", "size", "cnt", "mkt", "pnl", "probability", "prob", "mean",
    "std", "track", "bend", "tip", "tips", "tipped", "tipster", "pick", "picks", "pred", "preds", "prediction",
    "projected", "nap", "guess", "likely",
}  # fmt: skip
# What else says so of some targets only: times a dog ran, names of races and places.
OTHERS_OF = {
    CLOCK: {"win", "won", "fin", "finishing", "est", "estimated", "calc", "adj", "sec", "secs", "seconds", "record"},
    "selection_name": {"race", "meeting", "event", "venue", "course", "market", "file", "status", "non"},
    "status": {"race", "meeting", "event", "order", "payment", "track", "weather", "settlement"},
    NON_RUNNER: {"time", "date", "at", "reason", "count", "number", "price"},
    "track_name": {"condition", "distance", "direction", "record"},
    "volume": {"bsp", "morning"},
    "result": {"id", "name", "or2nd", "time", "box", "trap", "price", "odds", "date", "type"},
    "price": {"preplay", "5min", "open", "opening", "taken"},
    "race_number": {"date", "time", "id", "day", "type", "class", "grade", "distance", "status"},
}
OF_OFFS = {
    "r", "race", "races", "racing", "meeting", "meet", "event", "card", "dog", "dogs", "greyhound", "greyhounds", "off",
    "start", "starts", "starting", "scheduled", "schedule", "sched", "advertised", "post", "jump", "official", "day",
    "date", "time", "datetime", "dt", "at", "of", "the", "local", "title", "hour", "hours", "hr", "24h", "24hr", "hh",
    "mm", "ss", "hhmm", "yyyy", "dd", "iso", "utc", "gmt", "bst", "aest", "awst", "acst", "aedt", "nzst", "nzdt", "uk",
    "london", "sydney", "melbourne", "brisbane", "perth", "adelaide", "auckland",
}  # fmt: skip
"""Words that may stand beside those of an off or its day; any other may say that something else happened then."""
SPLIT = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def words_of(name: str) -> list[str]:
    """Return the words of a column's name in lower case: `raceTime`, `RACE_TIME` and `Race Time` have the same."""
    return [word.lower() for word in SPLIT.split(name.replace("#", " no ")) if word]


def name_score(target: str, name: str) -> float:
    """Return how well a column's name fits a target, 0 to 1; 0 where a word says that it is about something else."""
    words = words_of(name)
    fused = "".join(words)
    others = OTHERS | OTHERS_OF.get(target, set())
    best = 0.0
    for phrase, telling in WORDS[target].items():
        wanted = phrase.split()
        if fused == "".join(wanted):
            best = max(best, telling)
        elif set(wanted) <= set(words) and not _is_of_others(target, set(words) - set(wanted), others):
            best = max(best, telling * (len(wanted) / len(words)) ** 0.5)
    return best


def _is_of_others(target: str, beside: set[str], others: set[str]) -> bool:
    return bool(beside & others) or (target in {DATE, CLOCK, MOMENT} and not beside <= OF_OFFS)


def may_name_an_off(name: str) -> bool:
    """Return whether a column's name has a word of offs or their days, whatever other words it has."""
    words = set(words_of(name))
    return any(set(phrase.split()) <= words for target in (DATE, CLOCK, MOMENT) for phrase in WORDS[target])


def is_of_offs_alone(name: str) -> bool:
    """Return whether no word of a column's name can be about another moment than an off or its day."""
    return set(words_of(name)) <= OF_OFFS


def is_about_others(name: str) -> bool:
    """Return whether a word of a column's name says that it is about something else than the race's runner."""
    return bool(set(words_of(name)) & OTHERS)
