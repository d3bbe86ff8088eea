"""Header styles found in public repositories; every row below them is invented.

A style says how a row of it is written and which column each target must be read from. The races are invented first, so
that the off of every row is known in another way than by reading the file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

Expected = Mapping[str, Any]


@dataclass(frozen=True)
class Race:
    """An invented race: where, when on the clocks there, and what kind of race."""

    track: str
    at: datetime
    number: int
    distance: int
    grade: str
    utc_hours: int

    @property
    def utc(self) -> datetime:
        """The off in UTC, without its zone."""
        return self.at.replace(hour=self.at.hour - self.utc_hours)


def _meeting(track: str, day: date, offs: tuple[time, ...], distance: int, grade: str, utc_hours: int) -> list[Race]:
    return [
        Race(track, datetime.combine(day, off), number, distance, f"{grade}{number}", utc_hours)
        for number, off in enumerate(offs, start=1)
    ]


EVENING = (time(18, 21), time(18, 36), time(19, 52))
MORNING = (time(11, 3), time(11, 18), time(12, 41))
GB = [
    *_meeting("Romford", date(2024, 6, 27), EVENING, 400, "A", 1),
    *_meeting("Hove", date(2024, 6, 28), MORNING, 500, "S", 1),
]
AU = [
    *_meeting("Sale", date(2024, 6, 27), EVENING, 435, "M", 10),
    *_meeting("Bendigo", date(2024, 6, 28), EVENING, 425, "M", 10),
]
IE = [
    *_meeting("Clonmel", date(2024, 6, 27), EVENING, 480, "A", 1),
    *_meeting("Youghal", date(2024, 6, 28), EVENING, 480, "S", 1),
]
ONE_DAY = AU[:3]
AFTERNOON = _meeting("Sale", date(2024, 6, 27), (time(13, 21), time(14, 36), time(15, 52)), 435, "M", 10)

FIRST = ("Copper", "Marble", "Saffron", "Tundra", "Velvet", "Willow")
LAST = ("Anvil", "Beacon", "Cinder", "Dynamo", "Ember", "Falcon", "Gadget")
FRACTIONS = ("6/4F", "5/2", "3/1", "7/2", "5/1", "12/1")
HYPHENS = ("7-4F", "5-2", "3-1", "7-2", "5-1", "12-1")
DECIMALS = ("2.50", "3.50", "4.00", "4.50", "6.00", "13.00")
PLACES = ("2", "1", "4", "3", "6", "5")


def cells(race: Race, which: int, trap: int) -> dict[str, Any]:
    """What a row's template may name."""
    n = trap - 1
    name = f"{FIRST[n]} {LAST[which]}"
    at = race.at
    return {
        "track": race.track, "TRACK": race.track.upper(), "at": at, "utc": race.utc, "race": race.number,
        "distance": race.distance, "grade": race.grade, "trap": trap, "name": name, "NAME": name.upper(),
        "price": DECIMALS[n], "fraction": FRACTIONS[n], "hyphen": HYPHENS[n], "place": PLACES[n],
        "won": int(PLACES[n] == "1"), "result": "WINNER" if PLACES[n] == "1" else "LOSER",
        "market": f"1.2300{which:02}455", "race_id": 880100 + which, "runner": 66790700 + 10 * which + trap,
        "run": f"{16 + n + 0.21 + which / 100:.2f}", "hour12": f"{(at.hour - 1) % 12 + 1}:{at:%M}", "minute": 10 + n,
        "am": f"{at:%I:%M%p}", "weekday": f"{at:%A, %B} {at:%d}",
        "ditto": f"{race.track},{at:%d/%m/%Y},{at:%H:%M},{race.distance}m," if trap == 1 else ",,,,",
    }  # fmt: skip


@dataclass(frozen=True)
class Style:
    """A header style.

    Attributes:
        name: in a word or two.
        header: the header's line, or lines.
        row: a template for a runner's line; the names are those of `cells`.
        expected: by target the column it is read from, or its entry; `start_at` None where the file has no off.
        races: what its rows are about.
        file: the file's name.
        extra: further lines, which are no runners of races.
        settings: what the entry must say besides its columns.
        is_racing: whether track, off and runner can be told but for one.
        says: a part of a remark that must stand in the suggestion.
    """

    name: str
    header: str
    row: str
    expected: Expected
    races: list[Race] = field(default_factory=lambda: GB)
    file: str = "sheet.csv"
    extra: str = ""
    settings: Expected = field(default_factory=dict)
    is_racing: bool = True
    says: str = ""

    def text(self) -> str:
        """The file: three races or more of six runners each."""
        rows = [
            self.row.format(**cells(race, which, trap)) for which, race in enumerate(self.races) for trap in range(1, 7)
        ]
        return "\n".join([self.header, *rows]) + "\n" + self.extra

    def offs(self) -> list[datetime]:
        """The off of each row about a runner, in UTC without its zone."""
        return [race.utc for race in self.races for _ in range(6)]


NO_OFF = "no column has the hour of the off"
R_NUMBER = {"column": "Race", "pattern": r"^R(\d{1,2})$"}
STYLES = [
    Style(
        "GBGB results export",
        "meetingDate,meetingId,trackName,raceTime,raceDate,raceId,raceTitle,raceNumber,raceType,raceHandicap,raceClass,"
        "raceDistance,racePrizes,raceGoing,raceForecast,raceTricast,trapNumber,trapHandicap,dogId,dogName,"
        "dogSire,dogDam,"
        "dogBorn,dogColour,dogSex,dogSeason,trainerName,ownerName,SP,resultPosition,resultMarketPos,resultMarketCnt,"
        "resultPriceNumerator,resultPriceDenominator,resultBtnDistance,resultSectionalTime,resultComment,resultRunTime,"
        "resultDogWeight,resultAdjustedTime",
        "{at:%d/%m/%Y},4100,{track},{at:%H:%M:%S},{at:%d/%m/%Y},{race_id},,{race},Flat,False,{grade},{distance}.0,"
        "1st £105,0,(5-2) £3.34,(5-2-6) £8.50,{trap},,{runner},{name},Big Sire,Old Dam,Oct-2022,bd,b,Unknown,A Trainer,"
        '"Mr E V Owner,mrs P Owner",{fraction},{place},1,1,11,10,1 1/4,03.82,"QAw,ALd",{run},30.1,{run}',
        {
            "track_name": "trackName", "start_at": "{raceDate} {raceTime}", "trap": "trapNumber",
            "selection_name": "dogName", "sp_fraction": "SP", "finish_position": "resultPosition",
            "race_number": "raceNumber", "distance_m": "raceDistance", "race_type": "raceClass", "market_id": "raceId",
        },
        extra="27/06/2024,4100,Romford,,27/06/2024,990001,,9,Flat,,T1,400.0,,,,,1,,600001,Lone Trialist,,,,,,,,,"
        ",,,,,,,,,"
        "25.10,,\n27/06/2024,4100,Romford,18:21:00,27/06/2024,880100,,1,Flat,False,A1,400.0,,,,,5,,,,,,,,,"
        ",,,,,,,,,,,,,,\n",
        settings={
            "filters": [
                {"reason": "trial", "when": {"raceClass": {"matches": r"(?i)^(?:T\d*|QT|trial.*)$"}}},
                {"reason": "vacant_trap", "when": {"dogName": {"blank": True}}},
            ]
        },
    ),
    Style(
        "GBGB day list",
        "resultPosition,trapNumber,raceTime,raceDate,raceId,raceNumber,raceClass,raceDistance,meetingId,"
        "trackName,dogId,"
        "dogName,dogSire,dogDam,trainerName,ownerName",
        "{place},{trap},{at:%H:%M:%S},{at:%d/%m/%Y},{race_id},{race},{grade},{distance}.0,333909,{track},"
        "{runner},{name},"
        "Sire,Dam,Trainer,Owner",
        {
            "track_name": "trackName", "start_at": "{raceDate} {raceTime}", "trap": "trapNumber",
            "selection_name": "dogName", "finish_position": "resultPosition", "race_number": "raceNumber",
            "distance_m": "raceDistance", "race_type": "raceClass", "market_id": "raceId",
        },
    ),
    Style(
        "GBGB dog pages",
        "dogId,dogName,SP,resultPosition,resultBtnDistance,resultSectionalTime,resultComment,"
        "resultRunTime,resultDogWeight,"
        "winnerOr2ndName,winnerOr2ndId,resultAdjustedTime,trapNumber,raceTime,raceDate,raceId,raceNumber,raceType,"
        "raceClass,raceDistance,raceGoing,raceWinTime,meetingId,trackName",
        "{runner},{name},{fraction},{place},NK,04.47,Mid,{run},30.1,Other Dog,1,{run},{trap},"
        "{at:%H:%M:%S},{at:%d/%m/%Y},"
        "{race_id},,Flat,{grade},{distance}.0,10,29.60,388376,{track}",
        {
            "track_name": "trackName", "start_at": "{raceDate} {raceTime}", "trap": "trapNumber",
            "selection_name": "dogName", "sp_fraction": "SP", "finish_position": "resultPosition",
            "distance_m": "raceDistance", "race_type": "raceClass", "market_id": "raceId",
        },
    ),
    Style(
        "scraped site pages",
        "race_date,track,race_class,race_distance,race_prizes,position,dog_name,time_s,time_distance",
        "{at:%A} {at.day}th {at:%B %Y},{track},{grade},{distance}m,1st £100,{place},{name},04.01,{run} (HD)",
        {
            "track_name": "track", "start_at": None, "selection_name": "dog_name", "finish_position": "position",
            "distance_m": "race_distance", "race_type": "race_class",
        },
        says=NO_OFF,
    ),
    Style(
        "scraped card without a year",
        "\nMeeting Title,Meeting Row Title,Race Title,Distance,Prize,Time,Greyhound Name,Trainer Name",
        '"{weekday}",{track} (GBR),Race {race},{distance}m,$140 - $0 - $0,{am} (AEST),{name},A Trainer',
        {
            "track_name": "Meeting Row Title", "start_at": None,
            "selection_name": "Greyhound Name", "race_number": "Race Title", "distance_m": "Distance",
        },
        file="greyhound_data.csv",
        says="days without a year",
    ),
    Style(
        "scraped card, year in the file's name",
        "Meeting Title,Meeting Row Title,Race Title,Distance,Prize,Time,Greyhound Name,Trainer Name",
        '"{weekday}",{track} (AUS),Race {race},{distance}m,$140 - $0 - $0,{am} (AEST),{name},A Trainer',
        {
            "track_name": "Meeting Row Title",
            "start_at": {
                "template": "{Meeting Title} {file.year} {Time}",
                "pattern": r"^(.*?)\s*\(?AEST\)?$",
                "formats": ["%A, %B %d %Y %I:%M %p"],
            },
            "selection_name": "Greyhound Name", "race_number": "Race Title", "distance_m": "Distance",
        },
        races=AU,
        file="greyhound_data_2024.csv",
        settings={"timezone": "Australia/Brisbane"},
        says="the year is the one in the file's name",
    ),
    Style(
        "Australian form guide with dittos",
        "Dog Name,Sex,PLC,BOX,WGT,DIST,DATE,TRACK,G,TIME,WIN,BON,1 SEC,MGN,W/2G,PIR,SP",
        "{name},D,{place},{trap},31.5,{distance},{at:%Y-%m-%d},{track},Grade 5,{run},29.95,29.70,5.40,"
        "0.00,Other Dog,111,{price}\n"
        ",D,3,{trap},31.5,{distance},2024-05-0{trap},{track},Grade 5,{run},29.95,29.70,5.40,0.00,Other Dog,111,4.20",
        {
            "track_name": "TRACK", "start_at": None, "trap": "BOX", "selection_name": "Dog Name",
            "finish_position": "PLC", "distance_m": "DIST", "race_type": "G", "sp_fraction": "SP",
        },
        races=AU,
        settings={"fill_down": ["Dog Name"]},
        says=NO_OFF,
    ),
    Style(
        "card with dittos",
        "Track,Date,Off,Distance,Trap,Dog,Odds",
        "{ditto}{trap},{name},{price}",
        {
            "track_name": "Track", "start_at": "{Date} {Off}", "trap": "Trap", "selection_name": "Dog", "price": "Odds",
            "distance_m": "Distance",
        },
        settings={"fill_down": ["Track", "Date", "Off", "Distance"]},
    ),
    Style(
        "Australian form, dates only",
        "Greyhound,Plc,Date,Track,Days,Distance,Mgn,Class,Box,In Run,Price,Time,Placing",
        '{name},{place}/7,{at:%Y-%m-%d},{track},14,{distance},6.23,{grade},{trap},"3,2,2",${price},24.8,'
        '"1. Other Dog\n2. Third Dog"',
        {
            "track_name": "Track", "start_at": None, "trap": "Box", "selection_name": "Greyhound",
            "finish_position": "Plc", "distance_m": "Distance", "race_type": "Class", "price": "Price",
        },
        races=AU,
        says=NO_OFF,
    ),
    Style(
        "FastTrack dog pages",
        "Date,Track,Dist,Box,Plc,M'gin,1st/2nd Time,Sect,Dog,S/P",
        "{at:%d/%m/%Y},{track},{distance},{trap},{place},1.25,29.1 Other Dog,5.1,{name},${price}F",
        {
            "track_name": "Track", "start_at": None, "trap": "Box", "selection_name": "Dog", "finish_position": "Plc",
            "distance_m": "Dist", "sp_fraction": "S/P",
        },
        races=AU,
        says=NO_OFF,
    ),
    Style(
        "card with time and track in one cell",
        "Date,Meeting,Race,Box,Greyhound,Odds",
        "{at:%Y-%m-%d},{at:%H:%M}  {track},{race},{trap},{name},{price}",
        {
            "track_name": {"column": "Meeting", "pattern": r"^\d{1,2}[:.]\d{2}\s+(.+)$"},
            "start_at": {
                "template": "{Date} {Meeting}", "pattern": r"(?i)^(.*?\d{1,2}:\d{2}(?:\s*[ap]m)?)(?:\s|$)",
            },
            "trap": "Box", "selection_name": "Greyhound", "price": "Odds", "race_number": "Race",
        },
        races=AU,
    ),
    Style(
        "time and track in one cell, day in the file's name",
        "Meeting,Race,Box,Greyhound,Odds",
        "{at:%H:%M}  {track},{race},{trap},{name},{price}",
        {
            "track_name": {"column": "Meeting", "pattern": r"^\d{1,2}[:.]\d{2}\s+(.+)$"},
            "start_at": {
                "template": "{file.day} {Meeting}", "pattern": r"(?i)^(.*?\d{1,2}:\d{2}(?:\s*[ap]m)?)(?:\s|$)",
            },
            "trap": "Box", "selection_name": "Greyhound", "price": "Odds", "race_number": "Race",
        },
        races=ONE_DAY,
        file="race_data_2024-06-27.csv",
        settings={"file_name": r"(?P<day>\d{4}-\d{2}-\d{2})(?:[^T_\d-]|[T_-](?:\D|$)|$)"},
        says="the day is the one in the file's name",
    ),
    Style(
        "features without a day",
        "Race_ID,Trap,Odds,BSP,Public_Estimate,Last_Run,Distance_All,Finish_All,Races_All,Early_Time_380,Finished",
        "{race_id},{trap},{price},{price},0.3,12,460,2.5,30,3.5,{place}",
        {},
        is_racing=False,
    ),
    Style(
        "backtest with midnights",
        "EntryID,RaceID,MeetingDate,TrackName,RaceNumber,Distance,GreyhoundName,Box,StartingPrice,BSP,"
        "Price5Min,Position",
        "{runner},{race_id},{at:%Y-%m-%d} 00:00:00,{track} (SAL),{race}.0,{distance}.0,{NAME},{trap}.0,"
        "{price},{price},{price},{place}.0",
        {
            "track_name": {"column": "TrackName", "pattern": r"^(.+?)\s*\([A-Za-z]{2,4}\)$"}, "start_at": None,
            "trap": "Box", "selection_name": "GreyhoundName", "sp_fraction": "StartingPrice", "bsp": "BSP",
            "finish_position": "Position", "race_number": "RaceNumber", "distance_m": "Distance", "market_id": "RaceID",
        },
        races=ONE_DAY,
        says=NO_OFF,
    ),
    Style(
        "midnights beside a time",
        "RaceID,MeetingDate,RaceTime,TrackName,RaceNumber,Distance,GreyhoundName,Box,StartingPrice",
        "{race_id},{at:%Y-%m-%d} 00:00:00,{at:%H:%M},{track},{race},{distance},{NAME},{trap},{price}",
        {
            "track_name": "TrackName",
            "start_at": {"template": "{MeetingDate} {RaceTime}", "formats": ["%Y-%m-%d 00:00:00 %H:%M"]},
            "trap": "Box", "selection_name": "GreyhoundName", "sp_fraction": "StartingPrice",
            "race_number": "RaceNumber", "distance_m": "Distance", "market_id": "RaceID",
        },
    ),
    Style(
        "winning boxes",
        "Track,Race,Position1,Position2,Position3,Position4",
        "{track},{race},7,4,8,5",
        {},
        is_racing=False,
    ),
    Style(
        "day's form with am and pm",
        "Track,RaceDate,RaceTime,RaceNumber,Box,DogName,SexAge,Trainer,CareerWins,PrizeMoney,BestTimeSec,SectionalSec,"
        "Last3TimesSec,Margins,Distance,DrawFactor,Odds",
        '{track},{at:%Y-%m-%d},{am},{race},{trap},{name},3d,A Trainer,4,1200,{run},5.1,"[22.65, 22.52]","[1, 2]",'
        "{distance},0.3,{price}",
        {
            "track_name": "Track", "start_at": "{RaceDate} {RaceTime}", "trap": "Box", "selection_name": "DogName",
            "price": "Odds", "race_number": "RaceNumber", "distance_m": "Distance",
        },
        races=AU,
    ),
    Style(
        "Irish winners by county",
        "Greyhound_name,Sire_Name,Dam_name,Prize,Weight,Win_time,By,Going,Est_time,SP,Grade,Comment,Date,"
        "Name_of_race1,County",
        '{NAME},BIG SIRE,OLD DAM,£205.00,63,{run},1,Sand,{run}&nbsp,{fraction},{grade},"FAw,ALd",'
        '{at:%d-%b-%y},Flat 300,{track}',
        {
            "track_name": "County", "start_at": None, "selection_name": "Greyhound_name", "sp_fraction": "SP",
            "race_type": "Grade",
        },
        races=IE,
        says=NO_OFF,
    ),
    Style(
        "Betfair Australia's hub",
        "LOCAL_MEETING_DATE,SCHEDULED_RACE_TIME,ACTUAL_OFF_TIME,TRACK,STATE_CODE,RACE_NO,WIN_MARKET_ID,WIN_MARKET_NAME,"
        "PLACE_MARKET_ID,RACING_TYPE,DISTANCE,RACE_TYPE,SELECTION_ID,TAB_NUMBER,SELECTION_NAME,WIN_RESULT,WIN_BSP,"
        "PLACE_RESULT,PLACE_BSP,WIN_BSP_VOLUME,WIN_PREPLAY_LAST_PRICE_TAKEN,WIN_PREPLAY_VOLUME",
        "{at:%Y-%m-%d},{at:%H:%M:%S}.000,{at:%H:%M}:31.000,{track},VIC,{race},{race_id},"
        "R{race} {distance}m Gr5,1{race_id},"
        "Greyhounds,{distance},Gr5,{runner},{trap},{name},{result},{price},LOSER,1.5,10.5,{price},100.5",
        {
            "track_name": "TRACK", "start_at": "{LOCAL_MEETING_DATE} {SCHEDULED_RACE_TIME}", "trap": "TAB_NUMBER",
            "selection_name": "SELECTION_NAME", "bsp": "WIN_BSP", "last_traded": "WIN_PREPLAY_LAST_PRICE_TAKEN",
            "result": "WIN_RESULT", "race_number": "RACE_NO", "distance_m": "DISTANCE", "market_id": "WIN_MARKET_ID",
        },
        races=AU,
    ),
    Style(
        "ledger of bets",
        "MarketID,SelectionID,BetID,Date,Time,Track,Race,Dog,BetType,Status,Stake,Price,BSP,Result,Profit",
        "{market},{runner}.0,4135{runner}.0,{at:%Y-%m-%d},{at:%H:%M},{TRACK},R{race},{NAME},LAY,PLACED,"
        "0.99,{price},{price},{result},",
        {
            "track_name": "Track", "start_at": "{Date} {Time}", "selection_name": "Dog", "price": "Price", "bsp": "BSP",
            "race_number": R_NUMBER, "market_id": "MarketID", "result": "Result",
        },
        races=AU,
        extra="1.230000455,,,2024-06-27,,,,COPPER ANVIL,LAY,TIMEOUT_2M,,,,,\n",
        settings={
            "filters": [{"reason": "no_track_no_time", "when": {"Track": {"blank": True}, "Time": {"blank": True}}}]
        },
    ),
    Style(
        "model's prices by market",
        "Date,Track,Race Name,Race,MarketId,SelectionId,Rug,Dog,Rated Price,Early Speed,WIN_RESULT,"
        "WIN_BSP,PLACE_RESULT,PLACE_BSP",
        "{at:%Y-%m-%d},{track},R{race} {distance}m Gr5,{race},{race_id},{runner},{trap},{name},4.2,"
        "Unknown,{won}.0,{price},0.0,2.1",
        {
            "track_name": "Track", "start_at": None, "trap": "Rug", "selection_name": "Dog", "bsp": "WIN_BSP",
            "result": {"column": "WIN_RESULT", "values": {"0.0": "LOSER", "1.0": "WINNER"}}, "race_number": "Race",
            "market_id": "MarketId",
        },
        races=AU,
        says=NO_OFF,
    ),
    Style(
        "model's card with fractions",
        "date,track,race_number,race_time,distance,grade,race_name,trap,greyhound,odds_frac,odds_dec,"
        "mkt_prob,model_rank,"
        "best_time,form,trainer,n_runs,recent_form",
        "{at:%Y-%m-%d},{track},{race},{at:%H:%M},{distance},{grade},The Race,{trap},{name},{fraction},"
        "{price},0.3,1,{run},"
        "1-2-3,A Trainer,20,123",
        {
            "track_name": "track", "start_at": "{date} {race_time}", "trap": "trap", "selection_name": "greyhound",
            "price": "odds_dec", "race_number": "race_number", "distance_m": "distance", "race_type": "grade",
        },
    ),
    Style(
        "predictions",
        "race_id,date,time,track,race_no,trap,dog,win_prob,fair_odds,rank,confidence,data_completeness,generated_at",
        "{race_id},{at:%Y-%m-%d},{at:%H:%M},{track},{race},{trap},{NAME},0.26,3.76,1,weak,0.97,2024-06-26T18:07:23Z",
        {
            "track_name": "track", "start_at": "{date} {time}", "trap": "trap", "selection_name": "dog",
            "race_number": "race_no", "market_id": "race_id",
        },
        races=IE,
    ),
    Style(
        "paper ledger",
        "date,time,track,race_no,trap,dog,p_blend,tissue,min_price,stake,finish,sp,won,pnl_tissue,pnl_sp,clv",
        "{at:%Y-%m-%d},{at:%H:%M},{track},{race},{trap},{NAME},0.378,3.5,2.87,0.58,{place},{price},{won},1.45,0.87,1.4",
        {
            "track_name": "track", "start_at": "{date} {time}", "trap": "trap", "selection_name": "dog",
            "race_number": "race_no", "finish_position": "finish", "sp_fraction": "sp",
            "result": {"column": "won", "values": {"0": "LOSER", "1": "WINNER"}},
        },
        races=IE,
    ),
    Style(
        "recommendations",
        "RaceID,MeetingDate,TrackName,RaceNumber,Distance,EntryID,GreyhoundID,GreyhoundName,Box,Weight,"
        "StartingPrice,HistoricalPace",
        "{race_id},{at:%Y-%m-%d},{track},{race},{distance},{runner},{runner},{NAME},{trap},29.7,{price},-5.13",
        {
            "track_name": "TrackName", "start_at": None, "trap": "Box", "selection_name": "GreyhoundName",
            "sp_fraction": "StartingPrice", "race_number": "RaceNumber", "distance_m": "Distance",
            "market_id": "RaceID",
        },
        races=AU,
        says=NO_OFF,
    ),
    Style(
        "bookmaker's day, day in the file's name",
        "meeting,race,time,box,runner,odds,meeting_url",
        "{track},{race},{at:%H:%M},{trap},{name},{price},https://example.org/{track}",
        {
            "track_name": "meeting", "start_at": "{file.day} {time}", "trap": "box", "selection_name": "runner",
            "price": "odds", "race_number": "race",
        },
        races=ONE_DAY,
        file="full_day_20240627.csv",
        says="the day is the one in the file's name",
    ),
    Style(
        "bookmaker's day, moment of the download in the file's name",
        "meeting,race,time,box,runner,odds,meeting_url",
        "{track},{race},{at:%H:%M},{trap},{name},{price},https://example.org/{track}",
        {
            "track_name": "meeting", "start_at": None, "trap": "box", "selection_name": "runner", "price": "odds",
            "race_number": "race",
        },
        races=ONE_DAY,
        file="full_day_20240627T221708Z.csv",
    ),
    Style(
        "live ledger",
        "time_utc,mode,market_id,selection_id,track,race_time,trap,dog,p_model,price,size_offered,edge,"
        "action,stake,matched,status",
        "{utc:%Y-%m-%d}T{utc:%H}:{minute}:11Z,live,{market},{runner},{track},{at:%Y-%m-%d %H:%M},{trap},"
        "{name},0.3,{price},10.5,0.02,back,2,2,done",
        {
            "track_name": "track", "start_at": None, "trap": "trap", "selection_name": "dog", "price": "price",
            "market_id": "market_id",
        },
        says="Betfair's own times are UTC",
    ),
    Style(
        "live ledger of a clock that can only be the track's",
        "mode,market_id,selection_id,track,race_time,trap,dog,price",
        "live,{market},{runner},{track},{at:%Y-%m-%d %H:%M},{trap},{name},{price}",
        {
            "track_name": "track", "start_at": "race_time", "trap": "trap", "selection_name": "dog", "price": "price",
            "market_id": "market_id",
        },
        races=AU,
    ),
    Style(
        "Betfair's ids beside a day and a time",
        "market_id,date,time,track,selection_id,runner_name,bsp",
        "{market},{utc:%Y-%m-%d},{utc:%H:%M},{track},{runner},{trap}. {name},{price}",
        {
            "track_name": "track", "start_at": None, "selection_name": "runner_name", "bsp": "bsp",
            "market_id": "market_id",
        },
        says="Betfair's own times are UTC",
    ),
    Style(
        "Betfair's ids without their beginning, and the event's zone",
        "market_id,event_time,timezone,track,selection_id,runner_name,bsp",
        "230{race_id},{utc:%Y-%m-%d %H:%M},Europe/London,{track},{runner},{trap}. {name},{price}",
        {
            "track_name": "track", "start_at": None, "selection_name": "runner_name", "bsp": "bsp",
            "market_id": "market_id",
        },
        says="Betfair's own times are UTC",
    ),
    Style(
        "day in UTC beside a time",
        "Date (UTC),Time,Track,Box,Dog,BSP",
        "{utc:%Y-%m-%d},{utc:%H:%M},{track},{trap},{name},{price}",
        {
            "track_name": "Track", "start_at": "{Date (UTC)} {Time}", "trap": "Box", "selection_name": "Dog",
            "bsp": "BSP",
        },
        races=AU,
        settings={"timezone": "UTC"},
    ),
    Style(
        "zone of each row",
        "Date,Time,Timezone,Track,Box,Dog,BSP",
        "{utc:%Y-%m-%d},{utc:%H:%M},UTC,{track},{trap},{name},{price}",
        {"track_name": "Track", "start_at": "{Date} {Time}", "trap": "Box", "selection_name": "Dog", "bsp": "BSP"},
        races=AU,
        settings={"timezone": "{Timezone}"},
    ),
    Style(
        "offset of each row",
        "Date,Time,UTC Offset,Track,Box,Dog,BSP",
        "{at:%Y-%m-%d},{at:%H:%M},+10:00,{track},{trap},{name},{price}",
        {"track_name": "Track", "start_at": "{Date} {Time}", "trap": "Box", "selection_name": "Dog", "bsp": "BSP"},
        races=AU,
        settings={"timezone": "{UTC Offset}"},
    ),
    Style(
        "zone of each row that is no zone for certain",
        "Date,Time,TZ,Track,Box,Dog,BSP",
        "{at:%Y-%m-%d},{at:%H:%M},EST,{track},{trap},{name},{price}",
        {"track_name": "Track", "start_at": None, "trap": "Box", "selection_name": "Dog", "bsp": "BSP"},
        races=AU,
        says="TZ tells its zone, and 'EST' is no zone for certain",
    ),
    Style(
        "offset in the name of the time",
        "Date,Time (UTC+10),Track,Box,Dog,BSP",
        "{at:%Y-%m-%d},{at:%H:%M},{track},{trap},{name},{price}",
        {"track_name": "Track", "start_at": None, "trap": "Box", "selection_name": "Dog", "bsp": "BSP"},
        races=AU,
        says="Time (UTC+10) is not taken for the off or its day",
    ),
    Style(
        "card with the dogs' own days",
        "Track,Off,Trap,Dog,Whelp Date,SP",
        "{track},{at:%H:%M},{trap},{name},1{trap}/08/2021,{fraction}",
        {
            "track_name": "Track", "start_at": None, "trap": "Trap", "selection_name": "Dog", "sp_fraction": "SP",
        },
        says="Whelp Date is not taken for the off or its day",
    ),
    Style(
        "bets, with the moment they were placed",
        "Date Placed,Track,Race,Selection,Odds,Stake,Outcome",
        "{at:%d/%m/%Y} {at:%H:%M}:00,{track},{race},{trap}. {name},{price},10.00,{result}",
        {
            "track_name": "Track", "start_at": None, "race_number": "Race", "selection_name": "Selection",
            "price": "Odds", "result": "Outcome",
        },
        says="Date Placed is not taken for the off or its day",
    ),
    Style(
        "days that may begin with the year",
        "Date,Off,Track,Trap,Dog,SP",
        "{at:%y/%m/%d},{at:%H:%M},{track},{trap},{name},{fraction}",
        {"track_name": "Track", "start_at": None, "trap": "Trap", "selection_name": "Dog", "sp_fraction": "SP"},
        says="its dates may begin with the year or end with it",
    ),
    Style(
        "run times as minutes and seconds beside the race's number",
        "Date,Track,Race,Trap,Dog,Race Time,SP",
        "{at:%d/%m/%Y},{track},{race},{trap},{name},16:52,{fraction}",
        {
            "track_name": "Track", "start_at": None, "race_number": "Race", "trap": "Trap", "selection_name": "Dog",
            "sp_fraction": "SP",
        },
        says="Race Time is not taken for the off",
    ),
    Style(
        "snapshots of prices",
        "snapshot_time,track,race_no,trap,dog,odds",
        "{utc:%Y-%m-%d %H}:{minute}:00,{track},{race},{trap},{name},{price}",
        {
            "track_name": "track", "start_at": None, "race_number": "race_no", "trap": "trap", "selection_name": "dog",
            "price": "odds",
        },
        says="snapshot_time is not taken for the off or its day",
    ),
    Style(
        "table of all runs",
        "url,lineID,track,raceDate,raceDateTime,grade,distance,going_readable,order,dog_name,trap,SP,"
        "totalTime_readable,DoB,dogID,secTime,Trainer",
        "https://example.org/1,1,{track},{at:%Y-%m-%d},{at:%Y-%m-%d %H:%M:%S},{grade},{distance},N,"
        "{place},{name},{trap},{fraction},{run},2021-03-01,{runner},4.5,A Trainer",
        {
            "track_name": "track", "start_at": "raceDateTime", "trap": "trap", "selection_name": "dog_name",
            "sp_fraction": "SP", "distance_m": "distance", "race_type": "grade",
        },
    ),
    Style(
        "market catalogue in UTC",
        "market_id,track,start_time_utc,grade_raw,grade,distance,trap,dog_name,selection_id,status",
        "{market},{track},{utc:%Y-%m-%d %H:%M:%S},{grade} {distance}m,{grade},{distance},{trap},{name},{runner},ACTIVE",
        {
            "track_name": "track", "start_at": "start_time_utc", "trap": "trap", "selection_name": "dog_name",
            "distance_m": "distance", "race_type": "grade", "market_id": "market_id",
        },
        settings={"timezone": "UTC"},
        races=AU,
    ),
    Style(
        "market catalogue in a zone nobody states",
        "race_id,track,start_time,distance,trap,dog_name,selection_id",
        "{race_id},{track},{utc:%Y-%m-%d %H:%M:%S},{distance},{trap},{name},{runner}",
        {
            "track_name": "track", "start_at": None, "trap": "trap", "selection_name": "dog_name",
            "distance_m": "distance", "market_id": "race_id",
        },
        races=AFTERNOON,
        says="when no dogs run",
    ),
    Style(
        "market catalogue of an evening in a zone nobody states",
        "event,track,start,distance,trap,dog_name",
        "{race_id},{track},{utc:%Y-%m-%d %H:%M:%S},{distance},{trap},{name}",
        {
            "track_name": "track", "start_at": None, "trap": "trap", "selection_name": "dog_name",
            "distance_m": "distance",
        },
        races=AU,
        says="when no dogs run",
    ),
    Style(
        "Betfair's own times without a zone",
        "market_id,market_start_time,venue,runner_name,sort_priority,ltp",
        "{market},{utc:%Y-%m-%d %H:%M:%S},{track},{trap}. {name},{trap},{price}",
        {
            "track_name": "venue", "start_at": None, "selection_name": "runner_name", "last_traded": "ltp",
            "market_id": "market_id",
        },
        says="Betfair's own times are UTC",
    ),
    Style(
        "result page without a race",
        "Position,Dog,Trap,DogDetail,SP,Sec,Time,Distance,Bend,Trainer",
        "{place},{name},{trap},bk d,{fraction},4.5,{run},1 1/4,2222,A Trainer",
        {},
        is_racing=False,
    ),
    Style(
        "card with a clock of twelve hours",
        "RaceID,RaceMeet,RaceDate,RaceTime,RaceLength,RaceClass,Number,Dog,Trainer,Odds",
        "{race_id},{track},{at:%Y-%m-%d},{hour12},{distance}m,{grade},{trap},{name},A Trainer,{fraction}",
        {
            "track_name": "RaceMeet", "start_at": None, "trap": "Number", "selection_name": "Dog", "price": "Odds",
            "race_type": "RaceClass", "market_id": "RaceID",
        },
        races=GB[:3],
        says="twelve hours",
    ),
    Style(
        "semicolons and decimal commas",
        "Venue;Day;Off;Box;Dog;Odds;Matched",
        "{track};{at:%d/%m/%Y};{at:%H:%M};{trap};{name};3,{trap};1.250",
        {
            "track_name": "Venue", "start_at": "{Day} {Off}", "trap": "Box", "selection_name": "Dog", "price": "Odds",
        },
    ),
    Style(
        "British card with words around the numbers",
        "Track,Date,Off,Race,TP,Greyhound,Distance,Odds",
        "{track},{at:%d/%m/%Y},{at:%H:%M},R{race},TP: T{trap},{name},{distance}m Flat,{hyphen}",
        {
            "track_name": "Track", "start_at": "{Date} {Off}", "race_number": R_NUMBER,
            "trap": {"column": "TP", "pattern": r"^\D*(\d{1,2})\D*$"}, "selection_name": "Greyhound",
            "distance_m": {
                "column": "Distance", "pattern": r"(?i)\b(\d{3,4}\s*(?:m|mtrs?|met(?:re|er)s?|y|yds?|yards?))\b",
            },
            "price": "Odds",
        },
    ),
    Style(
        "Topaz runs",
        "trackCode,trackName,distanceInMetres,raceId,meetingDate,raceNumber,raceType,runId,dogId,dogName,"
        "weightInKg,boxNumber,"
        "rugNumber,startPrice,place,scratched,prizeMoney,resultTime,resultMargin,bestTime",
        "SAL,{track},{distance},{race_id},{at:%Y-%m-%d}T00:00:00.000Z,{race},Grade 5,{runner},{runner},"
        "{NAME},26.4,{trap},"
        "{trap},{price},{place},False,0,{run},0.25,NBT",
        {
            "track_name": "trackName", "start_at": None, "trap": "boxNumber", "selection_name": "dogName",
            "sp_fraction": "startPrice", "finish_position": "place", "race_number": "raceNumber",
            "distance_m": "distanceInMetres", "market_id": "raceId",
        },
        races=AU,
        says=NO_OFF,
    ),
    Style(
        "American dates",
        "Stadium,Race Date,Post Time,Race No,Draw,Greyhound Name,Owner,Starting Price",
        "{track},{at:%m/%d/%Y},{at:%I:%M %p},{race},{trap},{name},Mrs Owner,{fraction}",
        {
            "track_name": "Stadium",
            "start_at": {
                "template": "{Race Date} {Post Time}", "formats": ["%m/%d/%Y %I:%M %p"],
            },
            "trap": "Draw", "selection_name": "Greyhound Name", "sp_fraction": "Starting Price",
            "race_number": "Race No",
        },
    ),
    Style(
        "track and date in one cell",
        "Meeting,Race,Box,Dog,Plc,Odds",
        "{track}{at:%d/%m/%y},{race},{trap},{name},{place},{price}",
        {
            "track_name": {"column": "Meeting", "pattern": r"^(\D+?)\s*\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}$"},
            "start_at": None, "race_number": "Race", "trap": "Box", "selection_name": "Dog", "finish_position": "Plc",
            "price": "Odds",
        },
        races=AU,
    ),
    Style(
        "first off of the meeting",
        "Track,Date,Start,Race,Trap,Dog,Price",
        "{track},{at:%Y-%m-%d},18:21,{race},{trap},{name},{price}",
        {
            "track_name": "Track", "start_at": None, "race_number": "Race", "trap": "Trap", "selection_name": "Dog",
            "price": "Price",
        },
        races=GB[:3],
        says="the same for several races",
    ),
    Style(
        "run time under the name of a time",
        "Track,Date,Time,Race,Trap,Dog,Fin,SP",
        "{track},{at:%Y-%m-%d},{run},{race},{trap},{name},{run},{fraction}",
        {
            "track_name": "Track", "start_at": None, "race_number": "Race", "trap": "Trap", "selection_name": "Dog",
            "sp_fraction": "SP",
        },
        says="Time is not taken for the off",
    ),
]  # fmt: skip
