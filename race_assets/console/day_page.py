"""`race-assets report DAY`: one page of HTML about a day that needs nothing beside it, to be mailed or printed."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from race_assets.display import html
from race_assets.pipeline.pictures import charts, figures
from race_assets.pipeline.workshop import Workshop
from race_assets.storage import revisions
from race_assets.storage.coverage import LETTERS, letters
from race_assets.storage.postgres import Warehouse
from race_assets.storage.rejects import RULES_ONCE

EXAMPLES, PREVIEW = 20, 40
STYLE = """
:root{color-scheme:light dark}body{font-family:sans-serif;margin:2em auto;max-width:75em;padding:0 1em}
table{border-collapse:collapse;margin:.5em 0}
th,td{border:1px solid #8888;padding:.2em .6em;text-align:left;font-size:90%}
td.n{text-align:right}svg{max-width:100%;height:auto}.quiet{opacity:.7}code{font-size:110%;letter-spacing:.15em;white-space:pre}
@media print{body{margin:0;max-width:none}section{break-inside:avoid}}
"""
Rows = Sequence[Sequence[Any]]


def page(workshop: Workshop, day: date) -> str:
    """The page, whole."""
    warehouse = workshop.reading
    body = "".join(
        f"<section><h2>{html(title)}</h2>{content}</section>" for title, content in _sections(warehouse, day)
    )
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Greyhounds, {day}</title><style>{STYLE}</style></head><body><h1>Greyhounds, {day:%A %d %B %Y}</h1>"
        f'<p class="quiet">race_assets, made {made}</p>{body}</body></html>\n'
    )


def _sections(warehouse: Warehouse, day: date) -> Iterator[tuple[str, str]]:
    yield "What came in, and where it went", _accounts(warehouse, day)
    yield (
        "Races by track",
        _table(("track", "races", "with a result", "void", "runners", "sources"), _tracks(warehouse, day)),
    )
    yield (
        f"The first {PREVIEW} selections",
        _table(
            ("track", "off", "trap", "dog", "status", "result", "price", "kind", "sources"), _selections(warehouse, day)
        ),
    )
    yield "Prices", charts.bars("Runners by price, decimal odds", figures.prices(warehouse, [day]))
    yield (
        "Overround",
        charts.bars("Overround by track, average of its races", figures.overrounds(warehouse, [day]), "{:.3f}"),
    )
    yield "Refused", _refused(warehouse, day)
    yield (
        "Races that lack rejected runners",
        _table(("track", "off", "race", "runners", "rejected runners", "sources"), _incomplete(warehouse, day)),
    )
    yield (
        "Races that several sources tell of",
        _table(("source", "linked by", "races", "average score"), _links(warehouse, day)),
    )
    yield "Changed since it was published", _revised(warehouse, day)
    yield "What every source reported, four weeks up to this day", _calendar(warehouse, day)
    yield (
        "Rows per day",
        charts.bars("core.selections: rows per day", figures.rows_per_day(warehouse, "core.selections", day)),
    )


def _accounts(warehouse: Warehouse, day: date) -> str:
    names = ("source", "records in", "accepted", "quarantined", "duplicates", "filtered")
    rows = [
        (
            each["source"], each["records_in"], each["accepted"], each["quarantined"], _counted(each["duplicates"]),
            _counted(each["filtered"]),
        )
        for each in figures.accounts(warehouse, day)
    ]  # fmt: skip
    return _table(names, rows)


def _counted(counts: dict[str, int]) -> str | int:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items())) or 0


def _tracks(warehouse: Warehouse, day: date) -> Rows:
    return _ask(
        warehouse,
        """select track, count(*), count(*) filter (where status = 'RESULT'), count(*) filter (where status = 'VOID'),
                  sum(runner_count)::int, string_agg(distinct array_to_string(sources, ' + '), ', ')
           from core.races where race_date = %s group by track order by track""",
        day,
    )


def _selections(warehouse: Warehouse, day: date) -> Rows:
    return _ask(
        warehouse,
        """select r.track, to_char(r.start_local, 'HH24:MI'), s.trap, s.dog_name, s.status, s.result, s.price,
                  s.price_kind, array_to_string(s.sources, ', ')
           from core.selections as s join core.races as r using (race_date, race_id)
           where s.race_date = %s order by r.start_at, r.race_id, s.trap, s.runner_seq limit %s""",
        day,
        PREVIEW,
    )


def _refused(warehouse: Warehouse, day: date) -> str:
    chart = charts.bars("Open rejects by rule", figures.rejects_by_rule(warehouse, [day]))
    rows = _ask(
        warehouse,
        f"""select r.source, f.name, r.source_row, r.stage, {RULES_ONCE}, r.messages[1]
           from quarantine.rejects as r
           left join ops.source_files as f on (f.source, f.sha256) = (r.source, r.source_file)
           where r.race_date = %s and r.state = 'open' order by r.source, f.name, r.source_row limit %s""",
        day,
        EXAMPLES,
    )
    return chart + (_table(("source", "file", "row", "stage", "rules", "what is wrong"), rows) if rows else "")


def _incomplete(warehouse: Warehouse, day: date) -> Rows:
    return _ask(
        warehouse,
        """select track, to_char(start_local, 'HH24:MI'), race_id, runner_count, rejected_runners,
                  array_to_string(sources, ', ')
           from core.races where race_date = %s and rejected_runners > 0 order by start_at, race_id""",
        day,
    )


def _links(warehouse: Warehouse, day: date) -> Rows:
    return _ask(
        warehouse,
        """select source, method, count(*), round(avg(score)::numeric, 3)::float8 from core.race_links
           where race_date = %s group by 1, 2 order by 1, 2""",
        day,
    )


def _revised(warehouse: Warehouse, day: date) -> str:
    found = revisions.listed(warehouse, (day, day), None, None, EXAMPLES)
    if not found.total:
        return "<p>nothing</p>"
    more = f"<p>{found.total:,} changes; <code>race-assets diff {day}</code> has all</p>"
    return _table(found.columns, found.rows) + more


def _calendar(warehouse: Warehouse, day: date) -> str:
    rows = [
        (source, str(days[0][0]), letters(days)) for source, days in sorted(figures.calendar(warehouse, day).items())
    ]
    legend = ", ".join(f"{letter} {state.replace('_', ' ')}" for state, letter in LETTERS.items())
    return _table(("source", "from", "a letter a day"), rows, codes={2}) + f'<p class="quiet">{html(legend)}</p>'


def _table(names: Sequence[str], rows: Rows, codes: frozenset[int] | set[int] = frozenset()) -> str:
    if not rows:
        return "<p>nothing of this day</p>"
    head = "".join(f"<th>{html(name)}</th>" for name in names)
    lines = ("".join(_cell(value, is_code=place in codes) for place, value in enumerate(row)) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _cell(value: Any, *, is_code: bool) -> str:
    if isinstance(value, int | float):
        return f'<td class="n">{value:,}</td>' if isinstance(value, int) else f'<td class="n">{value:,.4g}</td>'
    text = "" if value is None else html(str(value))
    return f"<td><code>{text}</code></td>" if is_code else f"<td>{text}</td>"


def _ask(warehouse: Warehouse, query: str, *bound: Any) -> Rows:
    with warehouse.connect() as connection:
        return connection.execute(query.encode(), bound).fetchall()
