"""The Racing Post account and the words its feed uses; what asking and reading do is in `sources/racing_post/`.

No licensed feed's contract is public. What stands here as defaults is a design of ours (API_CONTRACTS 6.4) in the words
the provider's own site uses (6.3): a real contract is mapped by these settings, without code.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, field_validator

from race_assets.settings.feeds import known_zone
from race_assets.settings.fetching import FetchSettings
from race_assets.settings.nodes import Node, RateLimit
from race_assets.settings.rules import ComingRacesRules
from race_assets.settings.secrets import Secret
from race_assets.settings.source import SourceSettings
from race_assets.settings.urls import encrypted

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


def _listed(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_listed), Field(min_length=1)]
"""What the provider calls a thing: one name or several, of which the first that says anything counts."""


class RacingPostRate(RateLimit):
    """For all three operations together."""

    requests_per_second: PositiveFloat = 2
    burst_size: PositiveInt = 1


class RacingPostPaths(Node):
    """Where the operations are, below the base URL."""

    races: str = "/GetRaceInfo"
    form: str = "/GetHorseForm"
    analysis: str = "/GetExpertAnalysis"

    @field_validator("*")
    @classmethod
    def _begins_with_a_slash(cls, path: str) -> str:
        if not path.startswith("/"):
            raise ValueError("must begin with /: it is put behind racing_post.base_url")
        return path


class RacingPostParameters(Node):
    """What requests call what they ask for; null where the feed has no such parameter, which is then not sent."""

    date: str = "date"
    race_id: str = "raceId"
    page: str | None = "page"
    page_size: str | None = "pageSize"


class RacingPostEnvelope(Node):
    """The keys round a payload; one without them, an array or an object by itself, is read too."""

    data: str = "data"
    meta: str = "meta"
    page_count: str = "pageCount"
    error: str = "error"
    error_code: str = "code"


class RacingPostFields(Node):
    """What payloads call what we read, by our own names; a name that is given takes the place of its defaults."""

    race_id: Names = ("raceId",)
    race_at: Names = ("raceDateTime", "raceDate")
    race_title: Names = ("raceTitle",)
    race_status: Names = ("raceStatus",)
    abandoned: Names = ("abandoned",)
    results: Names = ("results",)
    runners: Names = ("runners", "dogs")
    track_id: Names = ("trackId",)
    track: Names = ("track", "trackName", "trackShortName")
    country: Names = ("country",)
    grade: Names = ("raceGrade", "rGradeCde", "gradeCde", "raceClass")
    distance: Names = ("distance", "distMetre", "distanceTitle")
    dog_id: Names = ("dogId",)
    dog_name: Names = ("dogName", "name")
    trap: Names = ("trapNum", "trap", "trapNumber")
    non_runner: Names = ("nonRunner",)
    reserved: Names = ("reserved", "isReserved")
    vacant: Names = ("isVacant",)
    position: Names = ("position", "rOutcomeDesc", "resultPosition", "rOutcomeId")
    sp: Names = ("oddsDesc",)
    sp_numerator: Names = ("oddsFrctnNumer",)
    sp_denominator: Names = ("oddsFrctnDenom",)
    forms: Names = ("forms",)
    run_id: Names = ("rInstId", "raceId")
    run_at: Names = ("raceTime", "rFormDatetime", "raceDate", "resultDate")
    trial: Names = ("trialFlag",)
    sectional: Names = ("secTimeS", "splitTime", "sectionalTime")
    calc_time: Names = ("calcRTimeS", "calcRTimes", "resultRunTime")
    winner_time: Names = ("winnersTimeS", "raceWinnersTime")
    beaten: Names = ("rpDistDesc", "by", "btnDistance")
    other_dog: Names = ("otherDogName",)
    going: Names = ("goingType", "going")
    weight: Names = ("weight", "dWeightKgs", "resultDogWeight")
    remarks: Names = ("closeUpCmnt", "remarks", "raceComment")
    bends: Names = ("bndPos",)
    post_pick: Names = ("postPick",)
    selection_trap: Names = ("selTrapNum",)
    danger_trap: Names = ("dangerTrapNum",)
    forecast_alt_trap: Names = ("fcastAltTrapNum",)
    race_comment: Names = ("raceComment",)
    forecast: Names = ("forecast",)
    chance_of_win: Names = ("chanceOfWin",)
    top_speed: Names = ("topSpeed",)
    runner_comment: Names = ("spotlightComment",)
    forecast_comment: Names = ("forecastComment",)


class RacingPostSettings(Node):
    """Who asks the feed, where it is, and how it words things."""

    base_url: str | None = Field(None, description="of the feed, as its contract has it")
    auth: Literal["header", "basic"] = Field("header", description="a key in a header, or a username and password")
    auth_header: str = Field("X-Api-Key", description="the header the key goes into")
    api_key: Secret | None = Field(None, description="for auth header")
    username: Secret | None = Field(None, description="for auth basic")
    password: Secret | None = Field(None, description="for auth basic")
    rate_limit: RacingPostRate = RacingPostRate()
    page_size: PositiveInt = Field(100, description="items asked for at once")
    source_timezone: str = Field("Europe/London", description="of times that come without an offset")
    paths: RacingPostPaths = RacingPostPaths()
    parameters: RacingPostParameters = RacingPostParameters()
    envelope: RacingPostEnvelope = RacingPostEnvelope()
    fields: RacingPostFields = RacingPostFields()

    @field_validator("base_url")
    @classmethod
    def _encrypted(cls, url: str | None) -> str | None:
        return None if url is None else encrypted(url, "the key is")

    @field_validator("auth_header")
    @classmethod
    def _is_a_header(cls, name: str) -> str:
        if not HEADER_NAME.fullmatch(name):
            raise ValueError("is no name of a header; as in X-Api-Key")
        return name

    @field_validator("source_timezone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return known_zone(zone)


class RacingPostSource(SourceSettings):
    """One of the three sources; their limit is `racing_post.rate_limit`, for all of them together."""

    rules: ComingRacesRules = ComingRacesRules()
    fetch: FetchSettings = FetchSettings()
