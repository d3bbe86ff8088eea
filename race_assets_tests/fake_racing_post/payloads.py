"""How the feed words the invented world: text for numbers and flags, entities, two spellings of many names."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from race_assets_tests.fake_racing_post.world import LONDON, Race, Run, Runner

Item = dict[str, Any]


def _with_offset(at: datetime) -> str:
    return at.astimezone(LONDON).isoformat()


def _without_offset(at: datetime) -> str:
    return f"{at.astimezone(LONDON):%Y-%m-%d %H:%M}"


def _way(number: int) -> Callable[[datetime], str]:
    """Both ways to write a time occur."""
    return _with_offset if number % 2 else _without_offset


def flag(value: object) -> str:
    """`1` or `0`."""
    return "1" if value else "0"


def race(told: Race) -> Item:
    """An item of GetRaceInfo."""
    number, name, _, country, _ = told.track
    return {
        "raceId": told.race_id, "trackId": number, "track": name, "country": country if told.number % 2 else "",
        "raceDate": _way(told.number)(told.off), "raceTitle": f"Race {told.number}", "raceGrade": told.grade,
        "raceType": "Flat", "distance": f"{told.distance}m", "racePrize": "1st £140, others £45", "going": "-10",
        "raceStatus": told.status, "runners": [_runner(each) for each in told.runners],
        "results": {"winnersTimeS": "28.21", "forecastDividend": "12.40", "abandoned": "0"},
    }  # fmt: skip


def _runner(told: Runner) -> Item:
    return {
        "dogId": told.dog_id, "dogName": told.name, "trapNum": "" if told.trap is None else str(told.trap),
        "dogSex": "D", "trainerName": "A Trainer", "nonRunner": flag(told.status == "SCRATCHED"),
        "reserved": flag(told.is_reserve), "isVacant": flag(told.status is None), "forecast": told.forecast[0],
        "oddsDesc": told.price[0] if told.status == "ACTIVE" else "", "position": told.position,
    }  # fmt: skip


def form(told: Race) -> list[Item]:
    """The items of GetHorseForm: the dogs of a race."""
    return [
        {"dogId": each.dog_id, "dogName": each.name, "shortForm": "213164", "brt": "28.20",
         "forms": [_run(run, number) for number, run in enumerate(each.runs)]}
        for each in dogs(told)
    ]  # fmt: skip


def _run(told: Run, number: int) -> Item:
    track, _, short, _, _ = told.track
    text, _, _ = told.price
    spelt = ("calcRTimeS", "secTimeS", "trapNum") if number % 2 else ("calcRTimes", "sectionalTime", "trap")
    calc, sectional, trap = spelt
    return {
        "rInstId": told.run_id or "", "raceTime": _way(number)(told.at), "trackId": track, "trackShortName": short,
        "distMetre": str(told.distance), trap: str(told.trap), "rGradeCde": told.grade,
        "trialFlag": "T" if told.is_trial else "NT", sectional: f"{told.sectional}", "bndPos": told.bends,
        "rOutcomeDesc": told.outcome, "rpDistDesc": told.beaten[0], "otherDogName": told.other,
        "closeUpCmnt": told.remarks, "winnersTimeS": told.winner, calc: f"{told.calc}", "goingType": told.going,
        "weight": f"{told.weight}", "oddsDesc": text,
    }  # fmt: skip


def analysis(told: Race) -> list[Item]:
    """The one item of GetExpertAnalysis."""
    first, second, third = told.picks
    return [
        {"raceId": told.race_id, "postPick": "-".join(map(str, told.picks)), "selTrapNum": str(first),
         "dangerTrapNum": str(second), "fcastAltTrapNum": str(third), "raceComment": told.comment,
         "runners": [_view(each) for each in dogs(told)]}
    ]  # fmt: skip


def _view(told: Runner) -> Item:
    return {
        "dogId": told.dog_id, "trapNum": "" if told.trap is None else str(told.trap), "forecast": told.forecast[0],
        "chanceOfWin": str(told.chance), "topSpeed": told.speed,
        "spotlightComment": told.comment.replace("&", "&amp;"), "forecastComment": "",
    }  # fmt: skip


def dogs(told: Race) -> list[Runner]:
    """The runners of a race that are dogs."""
    return [each for each in told.runners if each.status is not None]
