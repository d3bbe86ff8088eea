"""Which of several records stands for a runner, and that judging loses no record, whatever it is given."""

from datetime import UTC, date, datetime
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from race_assets.pipeline.judge import judge
from race_assets.pipeline.workshop import Workshop
from race_assets.schemas.records import RAW, RECORD_KEY, RECORDS
from race_assets.schemas.table import polars_schema
from race_assets.settings import Settings
from race_assets.validation.account import Account, total
from race_assets.validation.duplicates import duplicate_kinds
from race_assets.validation.identifiers import shared_keys

GOOD: dict[str, object] = {
    "source": "betfair_csv",
    "source_file": "a",
    "source_row": 2,
    "byte_offset": 0,
    "market_id": "m1",
    "market_type": "WIN",
    "selection_id": "11",
    "selection_name": "1. Alpha",
    "dog_name": "Alpha",
    "trap": 1,
}


def duplicates(*rows: dict[str, object]) -> pl.DataFrame:
    told = [{**GOOD, "source_row": number, **row} for number, row in enumerate(rows, start=2)]
    records = pl.DataFrame(told, schema=polars_schema(RECORDS))
    return duplicate_kinds(records, shared_keys(records))


def kinds(*rows: dict[str, object]) -> list[str | None]:
    return duplicates(*rows)["kind"].to_list()


def test_records_of_different_runners_markets_types_and_sources_all_stand() -> None:
    others = [{"selection_id": "12"}, {"market_id": "m2"}, {"market_type": "PLACE"}, {"source": "betfair_bsp"}]
    assert kinds({}, *others) == [None] * 5
    assert kinds() == []


def test_the_record_with_more_known_values_stands_wherever_it_comes() -> None:
    more = {"price": 3.0, "source_file": "b"}
    assert kinds({}, more) == ["between_files", None]
    assert kinds(more, {}) == [None, "between_files"]


def test_a_key_that_stands_on_two_days_is_two_records() -> None:
    days = [date(2024, 6, 27), date(2024, 6, 28)]
    assert kinds(*({"race_date": day} for day in days)) == [None, None]
    assert kinds(*({"race_date": days[0]} for _ in days)) == ["within_file", None]


def test_a_value_that_is_known_counts_whatever_it_is() -> None:
    assert kinds({"price": 900.0, "source_file": "b"}, {"price": 900.0, "volume": 0.0, "source_file": "c"}) == [
        "between_files",
        None,
    ]


def test_of_records_that_know_as_much_the_one_of_the_smaller_hash_stands() -> None:
    one, other = {"source_file": "b", "price": 3.0}, {"source_file": "a", "price": 4.0}
    assert kinds(one, other) == ["between_files", None]
    assert kinds(other, one) == [None, "between_files"]


def test_of_rows_of_one_file_the_last_stands_wherever_it_comes_and_the_others_are_counted_as_corrected() -> None:
    assert kinds({"source_row": 9, "price": 3.0}, {"source_row": 8, "price": 4.0}) == [None, "corrected"]
    assert kinds({"price": 3.0}, {"price": 4.0}, {"price": 3.0}) == ["within_file", "corrected", None]
    assert kinds({"price": 3.0, "volume": 1.0}, {"price": 4.0}) == ["corrected", None]


def test_a_last_row_that_says_nothing_new_leaves_the_fuller_one_standing() -> None:
    assert kinds({"price": 3.0, "volume": 1.0}, {"price": 3.0}) == [None, "within_file"]
    assert kinds({"price": 4.0, "volume": 1.0}, {"price": 3.0, "volume": 1.0}, {}) == ["corrected", None, "within_file"]


def test_a_row_that_was_corrected_does_not_speak_for_its_file() -> None:
    """File a knows more in a row that it corrects below: between the files its last row counts, which knows less."""
    corrected = [{"price": 3.0, "volume": 1.0, "bsp": 2.0}, {"price": 4.0}]
    other = {"source_file": "b", "price": 5.0, "volume": 2.0}
    assert kinds(*corrected, other) == ["between_files", "between_files", None]
    assert kinds(other, *corrected) == [None, "between_files", "between_files"]


def test_when_it_was_landed_makes_no_difference() -> None:
    seen = {"observed_at": datetime(2026, 1, 1, tzinfo=UTC), "source_file": "b"}
    assert kinds(seen, {}) == ["between_files", None]


def test_the_kind_tells_whether_the_record_that_stands_is_in_the_same_file() -> None:
    best = {"source_file": "b", "price": 3.0}
    assert kinds({}, {}, best, {"source_file": "b"}) == ["between_files", "between_files", None, "within_file"]


def told_by(file: str, *results: str | None, column: str = "result", **full: object) -> list[dict[str, object]]:
    """What a file tells of the dogs 11, 12 and so on; of the last one also `full`."""
    rows: list[dict[str, object]] = [
        {"source_file": file, "selection_id": str(11 + n), column: result} for n, result in enumerate(results)
    ]
    return [*rows[:-1], {**rows[-1], **full}]


def standing(*files: list[dict[str, object]]) -> list[tuple[object, object]]:
    """The file and the dog of each record that stands."""
    rows = [row for file in files for row in file]
    return sorted(
        (row["selection_id"], row["source_file"]) for row, kind in zip(rows, kinds(*rows), strict=True) if not kind
    )


WON, LOST = "WINNER", "LOSER"


def test_of_files_that_name_different_winners_one_stands_for_the_whole_market() -> None:
    """Dog by dog, a (smaller hash) would give its winner 11 and b (fuller) its winner 12: a dead heat nobody told."""
    a = told_by("a", WON, LOST, LOST)
    b = [*told_by("b", LOST, WON, price=3.0), *told_by("b", LOST, WON, LOST)[2:]]
    of_b = [("11", "b"), ("12", "b"), ("13", "b")]
    assert standing(a, b) == standing(b, a) == of_b
    # As many known values: the smaller hash.
    a[0]["price"] = 2.0
    of_a = [("11", "a"), ("12", "a"), ("13", "a")]
    assert standing(a, b) == standing(b, a) == of_a


def test_the_records_that_contradict_each_other_are_noted_one_for_each_file() -> None:
    rows = [*told_by("a", WON, LOST, LOST), *told_by("b", LOST, WON, LOST)]
    differ = "results_differ_between_files"
    assert duplicates(*rows)["noted"].to_list() == [differ, differ, None] * 2
    corrected = [*told_by("a", LOST, LOST), *told_by("a", WON, LOST), *told_by("b", WON, LOST)]
    assert duplicates(*corrected)["noted"].to_list() == [None] * 6


@pytest.mark.parametrize(
    ("column", "one", "other"), [("status", "ACTIVE", "SCRATCHED"), ("finish_position", 1, 2), ("result", "VOID", LOST)]
)
def test_any_outcome_that_differs_keeps_files_apart(column: str, one: Any, other: Any) -> None:
    a, b = told_by("a", one, one, column=column), told_by("b", other, one, column=column, price=3.0)
    a[0]["bsp"] = a[0]["volume"] = 3.0
    assert standing(a, b) == standing(b, a) == [("11", "a"), ("12", "a")]


def test_files_that_agree_or_say_nothing_are_still_chosen_dog_by_dog() -> None:
    dead_heat = told_by("a", WON, WON, LOST), told_by("b", WON, WON, LOST, price=3.0)
    assert standing(*dead_heat) == [("11", "a"), ("12", "a"), ("13", "b")]
    assert standing(told_by("a", WON, LOST), told_by("b", None, None, bsp=2.0, price=3.0)) == [("11", "a"), ("12", "b")]
    # Another market of the files is not concerned.
    others = [[{**row, "market_id": "m2"} for row in file] for file in dead_heat]
    mixed = [*told_by("a", WON, LOST), *others[0]], [*told_by("b", LOST, WON), *others[1]]
    assert standing(*mixed) == [
        ("11", "a"), ("11", "a"), ("12", "a"), ("12", "a"), ("13", "b"),
    ]  # fmt: skip


def test_values_of_dogs_that_one_file_alone_tells_of_do_not_count_for_it() -> None:
    a = told_by("a", WON, LOST, price=3.0)
    b = [*told_by("b", LOST, WON), {"source_file": "b", "selection_id": "19", "price": 3.0, "bsp": 3.0, "volume": 1.0}]
    assert standing(a, b) == standing(b, a) == [("11", "a"), ("12", "a"), ("19", "b")]


@given(
    st.dictionaries(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["11", "12", "13"])),
        st.fixed_dictionaries({"result": st.sampled_from([WON, LOST])}, optional={"price": st.just(3.0)}),
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=150)
def test_a_market_that_files_dispute_is_told_by_the_first_file_that_has_the_dog(
    told: dict[tuple[str, str], dict[str, object]], chance: Random
) -> None:
    """Compared with a plain reading of the rule; without a dispute each dog's fullest record stands."""
    dogs = {dog: [file for file in "abc" if (file, dog) in told] for _, dog in told}
    shared = [dog for dog, files in dogs.items() if len(files) > 1]
    is_disputed = any(len({told[file, dog]["result"] for file in files}) > 1 for dog, files in dogs.items())
    expected = []
    for dog, files in dogs.items():

        def weight(file: str, dog: str = dog) -> int:
            counted = shared if is_disputed else [dog]
            # Each record also states selection, dog and trap.
            return sum(3 + len(told[file, each]) for each in counted if (file, each) in told)

        expected.append((dog, max(files, key=weight)))
    rows = [{"source_file": file, "selection_id": dog, **row} for (file, dog), row in told.items()]
    assert standing(chance.sample(rows, len(rows))) == sorted(expected)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"source_file": st.sampled_from("abc"), "price": st.sampled_from([None, 3.0, 4.0])},
            optional={"volume": st.just(1.0), "bsp": st.just(2.0), "selection_id": st.just("12")},
        ),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
@settings(max_examples=150)
def test_which_record_stands_does_not_depend_on_the_order_of_records(
    rows: list[dict[str, object]], chance: Random
) -> None:
    """Compared with a plain reading of the rule, file by file."""
    rows = [{"selection_id": "11", **row, "source_row": n} for n, row in enumerate(rows, start=2)]
    shuffled = chance.sample(rows, len(rows))

    found = {row["source_row"]: kind for row, kind in zip(shuffled, kinds(*shuffled), strict=True)}

    expected: dict[object, str | None] = {}
    for selection in ("11", "12"):
        of_file = {}
        for file in "abc":
            mine = [row for row in rows if (row["selection_id"], row["source_file"]) == (selection, file)]
            if mine:
                fullest = max(reversed(mine), key=lambda row: len(values(row)))
                of_file[file] = fullest if values(mine[-1]) <= values(fullest) else mine[-1]
        best = max(sorted(of_file), key=lambda file: len(values(of_file[file])), default=None)
        for row in rows:
            if row["selection_id"] != selection:
                continue
            is_gone = best is not None and not values(row) <= values(of_file[best])
            kind = "between_files" if row["source_file"] != best else "corrected" if is_gone else "within_file"
            expected[row["source_row"]] = None if row in of_file.values() and row["source_file"] == best else kind
    assert found == expected


def values(row: dict[str, object]) -> set[tuple[str, object]]:
    """What a row states."""
    return {(name, row[name]) for name in ("price", "volume", "bsp") if row.get(name) is not None}


def test_records_without_a_key_are_not_lost() -> None:
    assert kinds({"market_id": None}, {"selection_id": None}, {}) == [None, None, None]


# Conservation

DAYS = (date(2024, 6, 27), date(2024, 6, 28))
PROBLEM = {"rule": "number", "message": "line 'x' is not what it should be"}
UNREAD = {"rule": "number", "message": "distance_m 'x' is not a number", "column": "distance_m"}
record = st.fixed_dictionaries(
    {
        "source": st.sampled_from(["betfair_bsp", "betfair_csv"]),
        "source_file": st.sampled_from(["a", "b"]),
        "race_date": st.sampled_from(DAYS),
        "market_id": st.sampled_from(["m1", "m2", None]),
        "market_type": st.sampled_from(["WIN", "PLACE"]),
        "selection_id": st.sampled_from(["1", "2", " ", None]),
        "dog_name": st.sampled_from(["Alpha", "???", None]),
        "trap": st.sampled_from([1, 7, 99, None]),
        "track_name": st.sampled_from(["Romford", "Hove", "Atlantis"]),
        "country": st.sampled_from(["GB", None]),
        "start_at": st.sampled_from([datetime(2024, 6, 27, 17, 36, tzinfo=UTC), datetime(2024, 7, 9, tzinfo=UTC)]),
        "price": st.sampled_from([None, 0.0, 1.01, 3.0, float("nan")]),
        "volume": st.sampled_from([None, -1.0, 5.0]),
        "filtered": st.sampled_from([None, None, None, "forecast"]),
        "currency": st.sampled_from([None, "GBP", "GBP", "XYZ"]),
        "problems": st.sampled_from([None, None, [PROBLEM], [UNREAD], [PROBLEM, {**PROBLEM, "rule": "text"}]]),
        "notes": st.sampled_from([None, ["repaired"]]),
        "superseded": st.booleans(),
    }
)


NULLING = {rule: {"severity": "null_value"} for rule in ("price_range", "volume", "number", "value")}


@pytest.fixture(params=[{}, {"rules": NULLING}, {"sources": {"betfair_bsp": {"rules": NULLING}}}])
def judging(make_settings: Any, request: pytest.FixtureRequest) -> Workshop:
    """A workshop whose archive holds the bytes of the files "a" and "b" of both sources."""
    made: Settings = make_settings(**request.param)
    workshop = Workshop(made)
    for source in workshop.enabled:
        for sha256 in "ab":
            path = workshop.archive.path(source, sha256)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("the row as read\n")
    return workshop


@settings(max_examples=40)
@given(told=st.lists(record, max_size=25))
def test_every_record_that_is_judged_is_accepted_refused_a_duplicate_or_filtered(
    told: list[dict[str, object]], judging: Workshop
) -> None:
    rows = [{"source_row": n, "byte_offset": 0, "status": "ACTIVE", **row} for n, row in enumerate(told, start=2)]
    raw = pl.DataFrame(rows, schema=polars_schema(RAW))

    judged = judge(judging, raw)

    into = raw.group_by("source", "race_date").agg(pl.len()).iter_rows()
    out = {key: account.accounted_for for key, account in judged.accounts.items()}
    assert out == {(source, day): count for source, day, count in into}
    everything: Account = total(judged.accounts.values())
    assert everything.accepted == judged.accepted.height
    assert everything.quarantined == judged.rejects.height
    identity = ["source", "source_file", "source_row"]
    assert judged.accepted.join(judged.rejects, on=identity, how="inner").height == 0
    for frame in (judged.accepted, judged.rejects):
        assert frame.join(raw, on=identity, how="anti").height == 0
        assert not frame.select(pl.struct(identity).is_duplicated().any()).item()
    RECORDS.validate(judged.accepted)
    assert not judged.accepted.select(pl.struct(RECORD_KEY).is_duplicated().any()).item()
    assert judged.rejects["rules"].list.len().gt(0).all()
    # Whatever the severity, no accepted record has a price or volume that its source's rules do not pass.
    wrong = (~pl.col("price").is_between(1.01, 1000)) | (pl.col("volume") < 0) | ~pl.col("currency").is_in(["GBP"])
    assert judged.accepted.filter(wrong).height == 0
    nulled = sum(count for name, count in everything.notes.items() if "_nulled_" in name)
    told_wrong = raw.filter(pl.col("filtered").is_null() & ~pl.col("superseded"))
    is_nulling = [judging.settings.rules_of(each).volume.severity == "null_value" for each in told_wrong["source"]]
    told_wrong = told_wrong.filter(pl.Series(is_nulling, dtype=pl.Boolean))
    counted = [
        told_wrong.filter(~pl.col("price").is_between(1.01, 1000)),
        told_wrong.filter(pl.col("volume") < 0),
        told_wrong.filter(pl.col("currency") == "XYZ"),
        told_wrong.filter(pl.col("problems").list.eval(pl.element().struct["column"] == "distance_m").list.any()),
    ]
    assert nulled == sum(each.height for each in counted)
    assert (judged.rejects["rules"].list.len() == judged.rejects["messages"].list.len()).all()
