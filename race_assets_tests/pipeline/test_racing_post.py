"""Racing Post from the fake feed into Postgres, whatever goes wrong on the way; the fake's world says what is meant."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from race_assets.errors import LoginRefusedError, SettingsError
from race_assets.pipeline import fetch, land
from race_assets.pipeline.fetch import Fetched
from race_assets.pipeline.workshop import Workshop
from race_assets.settings import Settings
from race_assets.sources import registry
from race_assets.storage.api_lock import LOCKS
from race_assets_tests.fake_racing_post import FakeRacingPost, Race, Runner, faults, payloads, world
from race_assets_tests.fake_racing_post.payloads import dogs as dogs_of
from race_assets_tests.fake_racing_post.world import FIRST
from race_assets_tests.fetching import Clockwork
from race_assets_tests.pipeline.feed import CSV, ask, build_stale, drop, tables, wipe

RACES, FORM, ANALYSIS = "racing_post_races", "racing_post_form", "racing_post_analysis"
SOURCES = [CSV, ANALYSIS, FORM, RACES]
DAYS = [FIRST, FIRST + timedelta(days=1)]
RACES_A_DAY = 12
PAGES = 3
Make = Callable[..., Settings]
Run = Callable[..., Fetched]


@pytest.fixture(scope="module")
def races() -> tuple[Race, ...]:
    return world()


@pytest.fixture
def feed(races: tuple[Race, ...]) -> Iterator[FakeRacingPost]:
    with FakeRacingPost(races) as fake:
        yield fake


@pytest.fixture
def clockwork(feed: FakeRacingPost) -> Clockwork:
    made = Clockwork()
    feed.clock = made.look
    return made


@pytest.fixture
def workshop(make_settings: Make, feed: FakeRacingPost) -> Workshop:
    return Workshop(make_settings(racing_post={"base_url": feed.url, "api_key": feed.key}))


@pytest.fixture
def run(workshop: Workshop, clockwork: Clockwork) -> Run:
    def run(source: str = RACES, days: list[date] = DAYS, run_id: str = "", timing: Any = None) -> Fetched:
        return fetch.fetch(workshop, source, days, run_id, timing=timing or clockwork.timing)

    return run


def dogs(races: tuple[Race, ...]) -> Iterator[tuple[Race, Runner]]:
    return ((race, runner) for race in races for runner in race.runners if runner.status is not None)


def best_price(runner: Runner) -> tuple[float, str]:
    return (runner.price[1], "SP") if runner.status == "ACTIVE" else (runner.forecast[1], "FORECAST")


def meant_selections(races: tuple[Race, ...]) -> set[tuple[Any, ...]]:
    """What `core` is to have of each dog, by the world's own account."""
    return {
        (
            *(race.track[4], race.off, race.number, race.grade, race.distance),
            *(runner.trap, runner.name, runner.status, runner.result, runner.place, bool(runner.is_dead_heat)),
            *best_price(runner),
        )
        for race, runner in dogs(races)
    }


def selections(workshop: Workshop) -> set[tuple[Any, ...]]:
    query = """select r.track_id, r.start_at, r.race_number, r.race_type, r.distance_m, s.trap, s.dog_name, s.status,
                   s.result, s.finish_position, s.is_dead_heat, s.price, s.price_kind
               from core.selections as s join core.races as r using (race_date, race_id)"""
    return set(ask(workshop, query))


def meant_form(races: tuple[Race, ...]) -> set[tuple[Any, ...]]:
    return {
        (
            *(race.track[4], race.off, runner.name, number, told.run_id, told.at, told.track[2], told.track[4]),
            *(told.distance, told.trap, told.grade, told.is_trial, told.place, told.outcome, told.sectional),
            *(told.calc, told.winner, told.beaten[1], told.beaten[2], told.other, told.going, told.weight),
            *(*told.price, told.remarks, told.bends),
        )
        for race, runner in dogs(races)
        for number, told in enumerate(runner.runs, start=1)
    }


def form(workshop: Workshop) -> set[tuple[Any, ...]]:
    query = """select r.track_id, r.start_at, s.dog_name, f.run_number, f.run_id, f.run_at, f.track_name, f.track_id,
                   f.distance_m, f.trap, f.grade, f.is_trial, f.finish_position, f.outcome, f.sectional_s,
                   f.calc_time_s, f.winner_time_s, f.beaten, f.beaten_lengths, f.other_dog, f.going, f.weight_kg,
                   f.sp_fraction, f.sp_decimal, f.favourite, f.remarks, f.bends
               from core.dog_form as f join core.selections as s using (race_date, selection_id)
               join core.races as r using (race_date, race_id) where f.source = %s"""
    return set(ask(workshop, query, FORM))


def meant_views(races: tuple[Race, ...]) -> set[tuple[Any, ...]]:
    return {
        (
            *(race.track[4], race.off, runner.name),
            race.picks.index(runner.trap) + 1 if runner.trap in race.picks else None,
            *(None if runner.trap is None else runner.trap == pick for pick in race.picks),
            *(runner.forecast[:2]),
            *(runner.chance, runner.speed, runner.comment, None, race.comment),
        )
        for race, runner in dogs(races)
    }


def views(workshop: Workshop) -> set[tuple[Any, ...]]:
    query = """select r.track_id, r.start_at, s.dog_name, a.pick_rank, a.is_selection, a.is_danger, a.is_forecast_alt,
                   a.forecast_fraction, a.forecast_decimal, a.chance_of_win, a.top_speed, a.runner_comment,
                   a.forecast_comment, a.race_comment
               from core.race_analysis as a join core.selections as s using (race_date, selection_id, race_id)
               join core.races as r using (race_date, race_id) where a.source = %s"""
    return set(ask(workshop, query, ANALYSIS))


# What arrives


def test_days_of_races_are_fetched_page_by_page_and_are_in_postgres_what_the_world_was(
    run: Run, workshop: Workshop, feed: FakeRacingPost, races: tuple[Race, ...]
) -> None:
    done = run(run_id="this-run")
    assert not done.problems
    assert [(each.path, each.state) for each in done.landed] == [(f"{day}/races.json", "landed") for day in DAYS]
    assert [(each.params["date"], each.params["page"]) for each in feed.requests] == [
        (f"{day}", f"{page}") for day in DAYS for page in (1, 2, 3)
    ]
    build_stale(workshop)
    assert selections(workshop) == meant_selections(races)
    statuses = dict(ask(workshop, "select status, count(*) from core.races group by 1"))
    assert statuses == Counter(race.status for race in races)
    counted = ask(
        workshop,
        """select sum(records_in), sum(accepted), sum((filtered ->> 'vacant_trap')::int), sum(quarantined)
           from ops.ingestion_runs where race_date is not null""",
    )
    listed, told = sum(len(race.runners) for race in races), len(list(dogs(races)))
    assert counted == [(listed, told, listed - told, 0)]
    traffic = ask(workshop, "select api_requests, api_retries from ops.ingestion_runs where run_id = 'this-run'")
    assert traffic == [(6, 0)]


def test_past_runs_are_those_of_the_card_with_track_time_and_price(
    run: Run, workshop: Workshop, races: tuple[Race, ...]
) -> None:
    done = run(FORM)
    assert not done.problems
    assert {each.path for each in done.landed} == {f"{race.day}/{race.race_id}-form.json" for race in races}
    run(RACES)
    build_stale(workshop)
    assert form(workshop) == meant_form(races)
    assert any(told.is_trial for _, runner in dogs(races) for told in runner.runs)
    ((rows,),) = ask(workshop, "select sum(dog_form) from ops.publications")
    assert rows == len(meant_form(races))


def test_views_of_runners_arrive_with_picks_prices_and_words(
    run: Run, workshop: Workshop, races: tuple[Race, ...]
) -> None:
    done = run(ANALYSIS)
    assert not done.problems
    assert {each.path for each in done.landed} == {f"{race.day}/{race.race_id}-analysis.json" for race in races}
    # Who of two dogs of a trap ran, the races say.
    run(RACES)
    build_stale(workshop)
    assert views(workshop) == meant_views(races)


def test_a_dogs_run_in_the_race_itself_or_later_is_not_told_as_its_past(
    run: Run, workshop: Workshop, feed: FakeRacingPost, races: tuple[Race, ...]
) -> None:
    race = races[0]
    past = race.runners[0].runs[0]
    own = replace(past, run_id=race.race_id)
    later = replace(past, run_id="7", at=race.off + timedelta(days=7))
    known = replace(race.runners[0], runs=(later, own, past))
    feed.races = [replace(race, runners=(known, *race.runners[1:]))]
    run(FORM, DAYS[:1])
    build_stale(workshop)
    told = ask(
        workshop,
        """select run_number, run_id from core.dog_form join core.selections using (race_date, selection_id)
           where dog_name = %s""",
        known.name,
    )
    assert told == [(3, past.run_id)]
    ((notes,),) = ask(workshop, "select notes from ops.ingestion_runs where race_date is not null")
    assert notes == {"form_not_past": 1}


# With other sources


def test_whichever_source_comes_first_the_tables_are_the_same_and_every_dog_is_one(
    make_settings: Make, races: tuple[Race, ...]
) -> None:
    told = [race for race in races if race.day == FIRST][:3]
    files = {RACES: [payloads.race(race) for race in told], FORM: [], ANALYSIS: []}
    for race in told:
        # Offs as the other payloads do not have them: in UTC.
        where = {"raceId": race.race_id, "track": race.track[1], "raceDate": f"{race.off:%Y-%m-%dT%H:%M}Z"}
        files[FORM] += [{**where, **item} for item in payloads.form(race)]
        named = {each.dog_id: each.name for each in race.runners}
        for item in payloads.analysis(race):
            views = [{**view, "dogName": named[view["dogId"]]} for view in item["runners"]]
            files[ANALYSIS].append({**where, **item, "runners": views})
    card = [runner for race in told for runner in dogs_of(race)]
    orders = [SOURCES, SOURCES[::-1], [*SOURCES[2:], *SOURCES[:2]]]
    seen = []
    for order in orders:
        workshop = Workshop(make_settings())
        wipe(workshop)
        for source in order:
            if source == CSV:
                drop(workshop, "a.csv", "".join(map(exchange_rows, told)))
            else:
                land_json(workshop, source, files[source])
            build_stale(workshop)
        seen.append(tables(workshop, rejects="state = 'open'"))
    assert all(each == seen[0] for each in seen)
    assert ask(workshop, "select distinct sources from core.races") == [(SOURCES,)]
    ran = "select count(*) from core.selections where sources @> %s"
    assert ask(workshop, ran, [FORM, ANALYSIS, RACES]) == ask(workshop, "select count(*) from core.selections")
    assert ask(workshop, ran, [FORM]) == [(len(card),)]


def exchange_rows(race: Race) -> str:
    """The race as the exchange has it: the dogs in their traps, names cut, an off three minutes later."""
    at = f"{race.off + timedelta(minutes=3):%Y-%m-%dT%H:%M:%SZ}"
    head = f"9{race.race_id},a card,{race.track[1]},{at}"
    ran = [each for each in race.runners if each.status == "ACTIVE" and each.trap]
    return "".join(f"{head},{each.dog_id},{each.trap}. {each.name[:16]},3.0,10.0\n" for each in ran)


def land_json(workshop: Workshop, source: str, items: list[Any]) -> None:
    path = workshop.settings.home / "inbox" / f"{source}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(items), encoding="utf-8")
    (landed,) = land.land(workshop, source, [(path, f"{FIRST}/{path.name}")])
    assert landed.state == "landed", landed


# What goes wrong


def test_with_everything_going_wrong_the_tables_are_the_same(
    run: Run, workshop: Workshop, feed: FakeRacingPost, races: tuple[Race, ...]
) -> None:
    feed.repeats = 1
    feed.faults.mercy = 3
    feed.fault("GetRaceInfo", faults.status(503, 1))
    feed.fault("GetRaceInfo", faults.too_many(1, retry_after=faults.IN_SECONDS, seconds=30))
    feed.fault("GetRaceInfo", faults.cut(times=1))
    feed.fault("GetHorseForm", faults.reset(2, after=3))
    feed.fault("GetHorseForm", faults.too_many(2, after=8))
    feed.fault("GetHorseForm", faults.truncate(times=2, after=1))
    feed.fault("GetExpertAnalysis", faults.sometimes(0.2, seed=3))
    done = {source: run(source) for source in (RACES, FORM, ANALYSIS)}
    assert [problem for each in done.values() for problem in each.problems] == []
    assert done[RACES].traffic.retries == 3
    assert done[RACES].traffic.waited_s > 30
    build_stale(workshop)
    assert (form(workshop), views(workshop)) == (meant_form(races), meant_views(races))
    assert meant_selections(races) == selections(workshop)
    shown = {fault for each in feed.requests for fault in each.faults}
    assert shown == {"status", "too_many", "cut", "reset", "truncate", "sometimes"}


def test_a_page_that_is_always_another_is_told_and_nothing_is_taken(run: Run, feed: FakeRacingPost) -> None:
    feed.repeats = 99
    done = run(RACES, DAYS[:1])
    ((name, reason),) = done.failed.items()
    assert name == f"{DAYS[0]}/races.json"
    assert "sent page 2 twice as it had sent another page before" in reason
    assert "racing_post.parameters.page" in reason
    assert done.landed == []
    assert [each.params["page"] for each in feed.requests] == ["1", "2", "2"]


def test_answers_without_an_envelope_are_taken_too(
    run: Run, workshop: Workshop, feed: FakeRacingPost, races: tuple[Race, ...]
) -> None:
    feed.is_bare = True
    assert not run().problems
    assert len(feed.requests) == len(DAYS)
    build_stale(workshop)
    assert selections(workshop) == meant_selections(races)


@pytest.mark.parametrize("source", [RACES, FORM])
def test_a_key_that_is_not_taken_ends_it_at_once_and_is_sent_once(run: Run, feed: FakeRacingPost, source: str) -> None:
    feed.key = "another"
    with pytest.raises(LoginRefusedError, match=r"401 INVALID_API_KEY: correct racing_post\.api_key"):
        run(source)
    assert len(feed.requests) == 1


def test_basic_authentication_is_taken_too(make_settings: Make, feed: FakeRacingPost, clockwork: Clockwork) -> None:
    account = {"base_url": feed.url, "auth": "basic", "username": "licensee", "password": "of the fake"}
    done = fetch.fetch(Workshop(make_settings(racing_post=account)), RACES, DAYS[:1], timing=clockwork.timing)
    assert [each.state for each in done.landed] == ["landed"]
    with pytest.raises(SettingsError, match=r"racing_post\.password is not set.*RACING_POST__PASSWORD.*auth is basic"):
        fetch.fetch(
            Workshop(make_settings(racing_post={**account, "password": None})), RACES, DAYS[:1], timing=clockwork.timing
        )


def test_an_operation_without_a_licence_is_given_up_and_the_others_come(run: Run, feed: FakeRacingPost) -> None:
    feed.entitled.remove("GetHorseForm")
    done = run(FORM)
    assert len([each for each in feed.requests if each.route == "GetHorseForm"]) == 1
    assert all("403 NOT_ENTITLED: the licence does not hold this operation" in why for why in done.failed.values())
    (gap,) = [gap for gap in done.gaps if gap.is_failure]
    assert "/GetHorseForm is refused for want of a licence" in gap.reason
    assert not run(ANALYSIS).problems


def test_a_race_that_has_no_form_and_a_day_without_races_are_no_failures(run: Run, feed: FakeRacingPost) -> None:
    first = feed.races[0].race_id
    feed.silent = {first}
    done = run(FORM, [DAYS[0], date(2024, 7, 1)])
    assert not done.problems
    assert len(done.landed) == RACES_A_DAY - 1
    assert {gap.reason for gap in done.gaps} == {
        f"{DAYS[0]}/{first}-form.json: the feed has none of this race",
        "racing_post, 2024-07-01: the feed has no races of that day",
    }


def test_a_page_that_went_missing_leaves_its_file_to_the_next_fetch(run: Run, feed: FakeRacingPost) -> None:
    feed.absent = {2}
    (reason,) = run(RACES, DAYS[:1]).failed.values()
    assert "has 3 pages and not page 2" in reason
    feed.absent = set()
    assert [each.state for each in run(RACES, DAYS[:1]).landed] == ["landed"]


def test_a_count_of_pages_on_the_first_one_alone_counts(run: Run, feed: FakeRacingPost) -> None:
    feed.counting = {1}
    assert not run(RACES, DAYS[:1]).failed
    assert [each.params["page"] for each in feed.requests] == ["1", "2", "3"]


def test_a_full_page_of_a_feed_that_does_not_count_them_is_not_taken_for_all(
    make_settings: Make, feed: FakeRacingPost, clockwork: Clockwork
) -> None:
    feed.counting = set()
    told = {"base_url": feed.url, "api_key": feed.key, "page_size": 5}
    full = fetch.fetch(Workshop(make_settings(racing_post=told)), RACES, DAYS[:1], "", timing=clockwork.timing)
    (reason,) = full.failed.values()
    assert "sent a full page of 5 and does not say how many there are" in reason
    feed.page_size = 100
    whole = Workshop(make_settings(racing_post={**told, "page_size": 100}))
    assert not fetch.fetch(whole, RACES, DAYS[:1], "", timing=clockwork.timing).failed


def test_a_race_that_stands_on_two_pages_is_one(run: Run, feed: FakeRacingPost) -> None:
    feed.overlap = 1
    done = run(FORM, DAYS[:1])
    assert not done.problems
    assert len(done.landed) == RACES_A_DAY


def test_another_servers_404_is_told_from_a_feed_that_has_nothing(run: Run, feed: FakeRacingPost) -> None:
    feed.fault("GetRaceInfo", faults.status(404, 1))
    (reason,) = run(RACES, DAYS[:1]).failed.values()
    assert "answered 404 with a web page: correct racing_post.base_url and racing_post.paths" in reason


def test_a_web_page_in_place_of_data_is_refused(run: Run, feed: FakeRacingPost) -> None:
    feed.fault("GetRaceInfo", faults.page(1))
    done = run(RACES)
    assert ["a web page in place of data" in why for why in done.failed.values()] == [True]
    assert [each.path for each in done.landed] == [f"{DAYS[1]}/races.json"]


# What is asked for, and how fast


def test_the_three_share_one_lock_and_keep_the_limit(run: Run, feed: FakeRacingPost, clockwork: Clockwork) -> None:
    assert {registry.api_of(source) for source in (RACES, FORM, ANALYSIS)} == {"racing_post"} <= LOCKS.keys()
    for source in (RACES, FORM, ANALYSIS):
        run(source, DAYS[:1])
    asked = Counter(each.route for each in feed.requests)
    assert asked == {
        "GetRaceInfo": 3 * PAGES,
        "GetHorseForm": sum(-(-len(dogs_of(race)) // feed.page_size) for race in feed.races_of(DAYS[0])),
        "GetExpertAnalysis": RACES_A_DAY,
    }
    gaps = [later - earlier for earlier, later in pairwise(sorted(clockwork.moments))]
    assert min(gaps) >= 0.5 - 1e-9


def test_only_what_may_have_changed_is_asked_for_again_and_equal_answers_change_nothing(
    run: Run, feed: FakeRacingPost
) -> None:
    today = Clockwork(DAYS[0]).timing
    declared = feed.races[0]
    feed.races[0] = replace(declared, status="DECLARED")
    run(FORM, DAYS[:1], timing=today)
    run(RACES, DAYS[:1], timing=today)
    before = len(feed.requests)
    again = run(FORM, DAYS[:1], timing=today)
    assert [(each.path, each.state) for each in again.landed] == [(f"{DAYS[0]}/{declared.race_id}-form.json", "known")]
    assert again.known == RACES_A_DAY - 1
    feed.races[0] = declared
    ((path, state, version),) = [
        (each.path, each.state, each.version) for each in run(RACES, DAYS[:1], timing=today).landed
    ]
    assert (path, state, version) == (f"{DAYS[0]}/races.json", "landed", 2)
    assert len(feed.requests) > before
    late = run(RACES, DAYS[:1], timing=Clockwork(DAYS[0] + timedelta(days=30)).timing)
    assert (late.landed, late.known) == ([], 1)


def test_without_an_address_it_is_said_which_setting_is_missing(make_settings: Make) -> None:
    with pytest.raises(SettingsError, match=r"racing_post\.base_url is not set"):
        fetch.fetch(Workshop(make_settings(racing_post={"api_key": "x"})), RACES, DAYS)
