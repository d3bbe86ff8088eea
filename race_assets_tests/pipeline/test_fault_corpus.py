"""Ten thousand rows with planted faults of many kinds: each ends in one place, and each fault shows its rules."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta

from race_assets.pipeline import land
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets_tests.pipeline.feed import ask, build_stale

SEED = 20_240_627
ROWS = 10_800
FIRST = date(2024, 6, 1)
COLUMNS = ("track", "day", "off", "race", "trap", "dog", "dog_id", "price", "matched", "result", "metres")
FEED = {
    "columns": {
        "track_name": "track", "start_at": "{day} {off}", "race_date": "day", "race_number": "race", "trap": "trap",
        "selection_name": "dog", "selection_id": "dog_id", "price": "price", "volume": "matched", "result": "result",
        "distance_m": "metres", "market_id": "{track}-{day}-{race}",
    },
    "currency": "GBP",
    "filters": [{"reason": "trial", "when": {"result": "TRIAL"}}, {"reason": "vacant", "when": {"dog": "VACANT"}}],
}  # fmt: skip
Row = dict[str, str]
Fault = tuple[Callable[[Row], str | None], tuple[str, ...]]
"""What is done to a row, or the line that stands for it; and the rules it then breaks: without any it is filtered."""


def put(**cells: str) -> Callable[[Row], None]:
    return lambda row: row.update(cells)


FAULTS: dict[str, Fault] = {
    "price 0": (put(price="0"), ("price_range",)),
    "price -1": (put(price="-1"), ("price_range",)),
    "price 1001": (put(price="1001"), ("price_range",)),
    "price infinite": (put(price="Infinity"), ("price_range",)),
    "price over nothing": (put(price="11/0"), ("number",)),
    "price a word": (put(price="abc"), ("number",)),
    "volume negative": (put(matched="-5"), ("volume",)),
    "volume a word": (put(matched="much"), ("number",)),
    "trap 0": (put(trap="0"), ("trap",)),
    "trap 9": (put(trap="9"), ("trap",)),
    "trap a word": (put(trap="x"), ("number",)),
    "trap and price": (put(trap="12", price="0.5"), ("price_range", "trap")),
    "track unknown": (put(track="Nowhere Park"), ("track_known",)),
    "track unknown and price": (put(track="Nowhere Park", price="2000"), ("price_range", "track_known")),
    "no name": (put(dog=""), ("selection_name",)),
    "a name of signs and no trap": (put(dog="...", trap=""), ("selection_name",)),
    "31 February": (put(day="2024-02-31"), ("start_time",)),
    "25 o'clock": (put(off="25:10"), ("start_time",)),
    "a skipped hour": (put(day="2024-03-31", off="01:30"), ("local_time",)),
    "a result of its own": (put(result="MAYBE"), ("value",)),
    "distance a word": (put(metres="far"), ("number",)),
    "a field too few": (lambda row: ",".join(list(row.values())[:-1]), ("field_count",)),
    "three fields more": (lambda row: ",".join([*row.values(), "a", "b", "c"]), ("field_count",)),
    "a NUL byte": (lambda row: ",".join(row.values()) + "\0", ("text",)),
    "an open quote": (lambda row: ",".join(row.values()).replace(row["dog"], '"' + row["dog"]), ("text",)),
    "a trial": (put(result="TRIAL"), ()),
    "a vacant trap": (put(dog="VACANT"), ()),
}


def rows() -> list[Row]:
    """Races of six, ten a day at each of four tracks."""
    made = []
    for number in range(ROWS):
        race, trap = divmod(number, 6)
        meeting, of_day = divmod(race, 10)
        day, track = divmod(meeting, 4)
        made.append(
            {
                "track": ("Romford", "Hove", "Towcester", "Oxford")[track],
                "day": f"{FIRST + timedelta(days=day)}",
                "off": f"{18 + of_day // 5}:{of_day % 5 * 12:02}",
                "race": f"{of_day + 1}",
                "trap": f"{trap + 1}",
                "dog": f"Dog {chr(65 + trap)} {race}",
                "dog_id": f"{100_000 + number}",
                "price": f"{2 + trap * 1.5}",
                "matched": f"{trap * 10}.25",
                "result": "LOSER" if trap else "WINNER",
                "metres": "480",
            }
        )
    return made


def corpus() -> tuple[list[str], dict[int, str], int]:
    """The lines, the fault planted in each line number, and how many rows stand twice."""
    chance = random.Random(SEED)  # noqa: S311 - a corpus, not a secret
    lines, planted, twice = [",".join(COLUMNS)], {}, 0
    for row in rows():
        line = ",".join(row.values())
        if chance.random() < 0.1:
            fault = chance.choice(list(FAULTS))
            changed = FAULTS[fault][0](row)
            line = changed if changed is not None else ",".join(row.values())
            planted[len(lines) + 1] = fault
        lines.append(line)
        if len(lines) + 1 not in planted and len(lines) not in planted and chance.random() < 0.01:
            lines.append(line)
            twice += 1
    return lines, planted, twice


def test_every_row_ends_in_one_place_and_every_fault_shows_all_the_rules_it_breaks(
    make_settings: Callable[..., Settings],
) -> None:
    workshop = Workshop(make_settings(sources={"csv_feeds": {"corpus": FEED}}))
    lines, planted, twice = corpus()
    assert len(set(planted.values())) == len(FAULTS) >= 20
    path = workshop.settings.home / "corpus.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (landed,) = land.land(workshop, "corpus", [(path, path.name)])
    build_stale(workshop)
    assert landed.rows_read == landed.records == len(lines) - 1 >= 10_000

    rejects = ask(workshop, "select source_row, rules from quarantine.rejects")
    # A day that does not exist is told twice: of the day, and of the off.
    broken = {row: tuple(sorted(set(rules))) for row, rules in rejects}
    expected = {line: FAULTS[fault][1] for line, fault in planted.items() if FAULTS[fault][1]}
    assert broken == expected

    sums = ask(
        workshop,
        """select sum(records_in)::int, sum(accepted)::int, sum(quarantined)::int,
                  sum((duplicates ->> 'within_file')::int)::int, sum((filtered ->> 'trial')::int)::int,
                  sum((filtered ->> 'vacant')::int)::int from ops.ingestion_runs""",
    )
    faults = Counter(planted.values())
    filtered = (faults["a trial"], faults["a vacant trap"])
    accepted = len(lines) - 1 - len(expected) - twice - sum(filtered)
    assert sums == [(len(lines) - 1, accepted, len(expected), twice, *filtered)]
    assert ask(workshop, "select count(*)::int from core.selections") == [(accepted,)]
