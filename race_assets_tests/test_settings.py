"""Settings: what the file says, what a variable says on top, and how a mistake in either is told."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from dagster._utils.schedules import is_valid_cron_schedule
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from race_assets import settings as settings_module
from race_assets.errors import SettingsError
from race_assets.settings import CronSettings, Settings, SourcesSettings, load
from race_assets.settings.mistakes import nearest
from race_assets.settings.rules import Requirement, RuleSettings, SourceRules
from race_assets.settings.shape import all_paths
from race_assets_tests.conftest import PROJECT

GRID_STEPS = "sources.betfair_historic.price_points.steps"
SECRET = "hunter2"  # noqa: S105 - a password of nothing, to be looked for where it must not be
SECRET_URL = f"postgresql://racing:{SECRET}@db.example/races"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a settings file may be written; it is not there yet."""
    return tmp_path / "race_assets.yaml"


def settings(file: Path, text: str = "", **environment: str) -> Settings:
    """The settings of a file with this text and variables with our prefix."""
    file.write_text(text, encoding="utf-8")
    return load(file, {f"RACE_ASSETS_{name}": value for name, value in environment.items()})


def error(file: Path, text: str = "", **environment: str) -> str:
    """What is said of settings that are wrong."""
    with pytest.raises(SettingsError) as raised:
        settings(file, text, **environment)
    return str(raised.value)


def leaves(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every value of a tree by its path."""
    found = {}
    for key, value in tree.items():
        found |= leaves(value, (*path, key)) if isinstance(value, dict) else {(*path, key): value}
    return found


# Defaults


def test_every_value_of_the_committed_file_is_the_default() -> None:
    committed = leaves(yaml.safe_load((PROJECT / "race_assets.yaml").read_text(encoding="utf-8")))
    default = leaves(Settings().model_dump())
    assert len(committed) > 40
    # YAML knows neither paths nor tuples.
    told = {path: str(value) if isinstance(value, Path) else value for path, value in default.items()}
    told = {path: list(value) if isinstance(value, tuple) else value for path, value in told.items()}
    assert {path: told.get(path, "not a setting") for path in committed} == committed


def test_the_committed_file_has_every_setting_that_can_be_changed() -> None:
    committed = leaves(yaml.safe_load((PROJECT / "race_assets.yaml").read_text(encoding="utf-8")))
    rules = RuleSettings.model_fields.items()
    fixed = {("rules", name, "severity") for name, field in rules if field.annotation is Requirement}
    # The feeds that come with the project have an entry of their own.
    left = {path for path in leaves(Settings().model_dump()) if path[:2] != ("sources", "csv_feeds")}
    assert left - committed.keys() - fixed == set()


def test_an_empty_file_gives_the_defaults(file: Path) -> None:
    assert settings(file) == Settings().model_copy(update={"home": file.parent / "data"})


def test_what_a_file_leaves_out_of_a_rule_has_its_default(file: Path) -> None:
    changed = settings(file, "rules: {runners: {max: 12}, over_round: {min: 0.7}, winner: {}, price_range: {max: 500}}")
    rules, default = changed.rules.model_dump(), Settings().rules.model_dump()
    assert leaves(rules) == leaves(default) | {
        ("runners", "max"): 12,
        ("over_round", "min"): 0.7,
        ("price_range", "max"): 500,
    }


def test_the_words_that_yaml_takes_for_booleans_can_be_a_severity(file: Path) -> None:
    told = settings(file, "rules: {winner: {severity: off}}", RULES__RUNNERS__SEVERITY="off")
    assert (told.rules.winner.severity, told.rules.runners.severity) == ("off", "off")


@pytest.mark.parametrize("word", ["true", "yes", "on", "True"])
def test_a_switch_may_be_set_by_any_of_the_words_of_yaml(file: Path, word: str) -> None:
    assert settings(file, f"automation: {{historical_sync: {{enabled: {word}}}}}").automation.historical_sync.enabled


# Rules of one source


def test_a_source_changes_only_the_leaves_it_names_over_the_rules_of_every_source(file: Path) -> None:
    text = """
    rules: {price_range: {min: 1.02, severity: warn}, trap: {most: {GB: 6}}}
    sources:
      betfair_bsp: {rules: {price_range: {max: 500}, trap: {most: {AU: 8}, severity: off}}}
      csv_feeds: {gbgb_results: {rules: {volume: {severity: null_value}}}}
    """
    told = settings(file, text)
    assert told.rules_of("betfair_csv") == told.rules
    bsp = told.rules_of("betfair_bsp")
    assert leaves(bsp.model_dump()) == leaves(told.rules.model_dump()) | {
        ("price_range", "max"): 500,
        ("trap", "most", "AU"): 8,
        ("trap", "severity"): "off",
    }
    gbgb = told.rules_of("gbgb_results")
    assert leaves(gbgb.model_dump()) == leaves(told.rules.model_dump()) | {("volume", "severity"): "null_value"}


def test_a_source_of_coming_races_keeps_its_window_beside_what_is_changed(file: Path) -> None:
    told = settings(file, SOURCES__RACING_POST_RACES__RULES__START_WINDOW__PAST_DAYS="7")
    window = told.rules_of("racing_post_races").start_window
    assert (window.severity, window.past_days, window.future_days) == ("reject", 7, 92)
    off = settings(file, SOURCES__RACING_POST_RACES__RULES__START_WINDOW__SEVERITY="off")
    assert off.rules_of("racing_post_races").start_window.severity == "off"
    on = {name for name in SourcesSettings.model_fields if name != "csv_feeds"}
    on = {name for name in on if told.rules_of(name).start_window.severity == "reject"}
    assert on == {"betfair_exchange", "racing_post_races", "racing_post_form", "racing_post_analysis"}


def test_a_variable_changes_one_country_of_one_source(file: Path) -> None:
    told = settings(file, SOURCES__BETFAIR_CSV__RULES__TRAP__MOST__GB="5")
    assert told.rules_of("betfair_csv").trap.most == told.rules.trap.most | {"GB": 5}


def test_an_override_has_the_leaves_of_its_rule() -> None:
    for name, field in SourceRules.model_fields.items():
        override = next(each for each in get_args(field.annotation) if each is not type(None))
        rule = type(getattr(RuleSettings(), name))
        assert override.model_fields.keys() == rule.model_fields.keys(), name
        severity = override.model_fields["severity"].annotation
        assert set(get_args(get_args(severity)[0])) == set(get_args(rule.model_fields["severity"].annotation)), name


@pytest.mark.parametrize(
    ("rules", "path", "said"),
    [
        ("{price_rang: {max: 5}}", "price_rang", "Did you mean 'price_range'? Allowed here: number, price_range, "),
        ("{price_range: {mim: 5}}", "price_range.mim", "Did you mean 'min'? Allowed here: max, min, severity"),
        ("{over_round: {max: 5}}", "over_round", "is not a setting. "),
        ("{track_known: {severity: warn}}", "track_known", "is not a setting. "),
        ("{price_range: {severity: nul_value}}", "price_range.severity", "'null_value'"),
        ("{trap: {severity: null_value}}", "trap.severity", "'reject', 'warn' or 'off'"),
        ("{start_window: {past_days: -1}}", "start_window.past_days", "greater than or equal to 0"),
    ],
)
@pytest.mark.parametrize("source", ["betfair_bsp", "racing_post_form", "csv_feeds.gbgb_results"])
def test_a_rule_that_a_source_cannot_have_is_named_with_those_it_can(
    file: Path, source: str, rules: str, path: str, said: str
) -> None:
    tree: Any = {"rules": yaml.safe_load(rules)}
    for level in reversed(["sources", *source.split(".")]):
        tree = {level: tree}
    found = error(file, yaml.safe_dump(tree))
    assert found.startswith(f"{file}: sources.{source}.rules.{path} is ")
    assert said in found


@pytest.mark.parametrize("currency", ["XYZ", "gbp", "POUND"])
def test_a_feed_s_currency_is_one_that_there_is(file: Path, currency: str) -> None:
    found = error(file, f"sources: {{csv_feeds: {{gbgb_results: {{currency: {currency}}}}}}}")
    assert f"currency is '{currency}': must be a currency that is bet in, by its ISO 4217 code: GBP, EUR" in found


# The environment


def test_a_variable_is_stronger_than_the_file(file: Path) -> None:
    text = "chunk_rows: 7\nlogging: {level: DEBUG, format: json}"
    both = settings(file, text, LOGGING__LEVEL="ERROR")
    assert (both.chunk_rows, both.logging.level, both.logging.format) == (7, "ERROR", "json")


def test_two_underscores_lead_to_the_next_level(file: Path) -> None:
    deep = settings(
        file,
        AUTOMATION__HISTORICAL_SYNC__TRAILING_DAYS="21",
        AUTOMATION__DROPS__ENABLED="false",
        SOURCES__BETFAIR_BSP__RATE_LIMIT__REQUESTS_PER_SECOND="2.5",
        RULES__TRAP__SEVERITY="warn",
    )
    assert deep.automation.historical_sync.trailing_days == 21
    assert not deep.automation.drops.enabled
    assert deep.automation.stale_days.enabled
    assert deep.source("betfair_bsp").rate_limit.requests_per_second == 2.5
    assert deep.source("betfair_historic").rate_limit.requests_per_second == 8.52
    assert (deep.rules.trap.severity, deep.rules.volume.severity) == ("warn", "reject")


def test_a_rule_without_an_entry_in_the_file_can_be_set_by_one_variable(file: Path) -> None:
    assert settings(file, RULES__RUNNERS__MAX="12").rules.runners.model_dump() == {
        "severity": "warn",
        "min": 1,
        "max": 12,
    }


@pytest.mark.parametrize("text", ["", "rules: {trap: {usual: {GB: 5}}}"])
def test_the_limit_of_one_country_leaves_those_of_others_alone(file: Path, text: str) -> None:
    traps = settings(file, text, RULES__TRAP__USUAL__GB="7").rules.trap
    assert traps.usual == {"GB": 7, "IE": 6, "AU": 10, "NZ": 10}
    assert traps.most == Settings().rules.trap.most


@pytest.mark.parametrize("names", [("RULES__WINNER", "RULES__WINNER__SEVERITY"), ("RULES__WINNER__SEVERITY", "RULES")])
def test_a_variable_for_a_leaf_is_stronger_than_one_for_its_branch_in_any_order(
    file: Path, names: tuple[str, str]
) -> None:
    texts = {"RULES__WINNER__SEVERITY": "off", "RULES__WINNER": "{severity: reject}", "RULES": "{volume: {}}"}
    assert settings(file, **{name: texts[name] for name in names}).rules.winner.severity == "off"


def test_variables_of_others_and_those_that_find_the_file_are_not_settings(file: Path) -> None:
    file.touch()
    environment = {"HOME": "/root", "RACE_ASSETSX_HOME": "x", "RACE_ASSETS_CONFIG": "x", "RACE_ASSETS_KILLS": "20"}
    assert load(file, environment) == load(file, {})


@given(st.dictionaries(st.sampled_from(["GB", "IE", "AU", "NZ"]), st.integers(1, 12)))
def test_a_file_and_variables_that_say_the_same_give_the_same(limits: dict[str, int]) -> None:
    in_file = Settings.model_validate({"rules": {"trap": {"most": limits}}})
    variables = {f"RACE_ASSETS_RULES__TRAP__MOST__{country}": str(limit) for country, limit in limits.items()}
    assert load(PROJECT / "race_assets.yaml", variables).rules.trap.most == in_file.rules.trap.most


# Keys that are none


@pytest.mark.parametrize(
    ("text", "path", "meant", "allowed"),
    [
        ("rules: {trap: {sevrity: warn}}", "rules.trap.sevrity", "severity", "most, severity, usual"),
        (
            "sources: {betfair_cvs: {}}",
            "sources.betfair_cvs",
            "betfair_csv",
            ", ".join(sorted(SourcesSettings.model_fields)),
        ),
        ("logging: {levels: INFO}", "logging.levels", "level", "format, level"),
        (
            "sources: {betfair_historic: {price_points: {steps: [{start: 60, every: 5, evry: 5}]}}}",
            "sources.betfair_historic.price_points.steps.0.evry",
            "every",
            "every, start",
        ),
        ("postgre: {url: x}", "postgre", "postgres", ", ".join(sorted(Settings.model_fields))),
    ],
)
def test_a_key_that_is_none_is_named_with_its_path_its_file_and_the_ones_there_are(
    file: Path, text: str, path: str, meant: str, allowed: str
) -> None:
    assert error(file, text) == f"{file}: {path} is not a setting. Did you mean '{meant}'? Allowed here: {allowed}"


def test_a_key_like_no_other_is_named_without_a_guess(file: Path) -> None:
    assert error(file, "logging: {zzz: 1}") == f"{file}: logging.zzz is not a setting. Allowed here: format, level"


@pytest.mark.parametrize(
    ("variable", "path", "meant"),
    [
        ("HOEM", "hoem", "home"),
        ("POSTGRES__URI", "postgres.uri", "url"),
        ("RULES__TRAPP__SEVERITY", "rules.trapp", "trap"),
    ],
)
def test_a_variable_with_our_prefix_that_sets_nothing_is_named(
    file: Path, variable: str, path: str, meant: str
) -> None:
    said = error(file, **{variable: "x"})
    assert said.endswith(f"Allowed here: {said.rpartition(': ')[2]}")
    assert re.search(rf"{re.escape(path)} is not a setting\. Did you mean '{meant}'\?", said)


# As people write them who have used another tool, or an earlier version.
MEANT = {
    "historical_sync_cron_expression": "automation.historical_sync.cron",
    "historical_sync": "automation.historical_sync",
    "automation.cron": "automation.historical_sync.cron",
    "live_polling_interval_seconds": "sources.betfair_exchange.live_polling_interval_seconds",
    "postgres_url": "postgres.url",
    "database_url": "postgres.url",
    "betfair_app_key": "betfair.app_key",
    "racing_post_api_key": "racing_post.api_key",
    "log_level": "logging.level",
    "aws_region": "aws.region",
    "price_min": "rules.price_range.min",
    "sources.betfair_bsp.cron": "sources.betfair_bsp.fetch.cron",
    "max_retries": "automation.retries.max_retries",
    "cards_cron": "automation.upcoming_cards.cron",
}


@pytest.mark.parametrize(("unknown", "meant"), MEANT.items())
def test_the_nearest_setting_at_any_level_is_offered_by_its_path(file: Path, unknown: str, meant: str) -> None:
    text = "1"
    for level in reversed(unknown.split(".")):
        text = f"{{{level}: {text}}}"
    assert f"{file}: {unknown} is not a setting. Did you mean '{meant}'? Allowed here: " in error(file, text)


@pytest.mark.parametrize(("unknown", "meant"), MEANT.items())
def test_a_variable_is_offered_the_variable_that_was_meant(file: Path, unknown: str, meant: str) -> None:
    variable = "__".join(unknown.split(".")).upper()
    offered = f"Did you mean '{meant}' (RACE_ASSETS_{'__'.join(meant.split('.')).upper()})?"
    assert error(file, **{variable: "1"}).startswith(f"RACE_ASSETS_{variable}: {unknown} is not a setting. {offered}")


@given(st.sampled_from(sorted(all_paths(Settings))), st.data())
def test_a_slip_in_the_key_of_any_setting_is_answered_with_that_setting(
    path: tuple[str, ...], data: st.DataObject
) -> None:
    """Two letters changed places, in a key long enough to be known by the rest of it."""
    key = path[-1]
    assume(len(key) > 6)
    at = data.draw(st.integers(1, len(key) - 2))
    slipped = key[:at] + key[at + 1] + key[at] + key[at + 2 :]
    assume((*path[:-1], slipped) not in set(all_paths(Settings)))
    assert nearest(Settings, (*path[:-1], slipped)) == path


@pytest.mark.parametrize("unknown", ["zzz", "logging.zzz", "nightly"])
def test_what_is_near_no_setting_is_answered_without_a_guess(unknown: str) -> None:
    assert nearest(Settings, tuple(unknown.split("."))) is None


def test_a_variable_that_sets_nothing_is_told_by_its_own_name_and_not_the_files(file: Path) -> None:
    said = error(file, "chunk_rows: 7", HOEM="x")
    assert said.startswith("RACE_ASSETS_HOEM: ")
    assert str(file) not in said


@pytest.mark.parametrize(
    ("variable", "value", "path"),
    [
        ("SOURCES__BETFAIR_BSP__RATE_LIMIT__BURTS", "3", "sources.betfair_bsp.rate_limit.burts"),
        ("SOURCES__BETFAIR_CSV__RATE_LIMTI__BURST_SIZE", "3", "sources.betfair_csv.rate_limti"),
        ("SOURCES__BETFAIR_CVS__RATE_LIMIT__BURST_SIZE", "3", "sources.betfair_cvs"),
        ("RULES__TRAP", "{usual: {GB: 5}, mots: {}}", "rules.trap.mots"),
        ("SOURCES", "{csv_feeds: {club: {markets: [{}, {market_typ: WIN}]}}}", "sources.csv_feeds.club.markets.1"),
    ],
)
def test_a_variable_is_blamed_for_what_it_sets_at_or_below_the_mistake(
    file: Path, variable: str, value: str, path: str
) -> None:
    said = error(
        file,
        "sources: {betfair_bsp: {rate_limit: {burst_size: 2}}}\nrules: {trap: {most: {GB: 7}}}",
        **{variable: value},
    )
    assert said.splitlines()[0].startswith(f"RACE_ASSETS_{variable}: {path}")
    assert str(file) not in said


def test_a_variable_is_not_blamed_for_what_the_file_sets_beside_it(file: Path) -> None:
    said = error(file, "rules: {trap: {severity: maybe}}", RULES="{trap: {most: {GB: 7}}}")
    assert said.startswith(f"{file}: rules.trap.severity is 'maybe'")


def test_a_mistake_in_what_file_and_variable_make_together_names_both(file: Path) -> None:
    said = error(file, "sources: {csv_feeds: {club: {country: GB}}}", SOURCES__CSV_FEEDS__CLUB__ENABLED="true")
    assert said.startswith(f"{file}, RACE_ASSETS_SOURCES__CSV_FEEDS__CLUB__ENABLED: sources.csv_feeds.club")


def test_all_mistakes_are_told_at_once(file: Path) -> None:
    said = error(file, "hoem: x\nrules: {trap: {severity: maybe}}", LOGGING__LEVEL="LOUD").splitlines()
    assert sorted(line.partition(" is ")[0] for line in said) == sorted(
        [f"{file}: hoem", f"{file}: rules.trap.severity", "RACE_ASSETS_LOGGING__LEVEL: logging.level"]
    )


# Values that are not allowed


@pytest.mark.parametrize(
    ("text", "path", "shown", "allowed"),
    [
        ("rules: {trap: {severity: maybe}}", "rules.trap.severity", "'maybe'", "'reject', 'warn' or 'off'"),
        ("rules: {start_time: {severity: warn}}", "rules.start_time.severity", "'warn'", "'reject'"),
        ("logging: {format: xml}", "logging.format", "'xml'", "'console' or 'json'"),
        ("chunk_rows: 0", "chunk_rows", "0", "greater than 0"),
        ("chunk_rows: many", "chunk_rows", "'many'", "integer"),
        ("partitions: {start: 2008-13-01}", "partitions.start", "'2008-13-01'", "date"),
        ("partitions: {start: 2008-02-31}", "partitions.start", "'2008-02-31'", "date"),
        ("partitions: {end_offset: -1}", "partitions.end_offset", "-1", "greater than or equal to 0"),
        ("sources: {betfair_csv: {enabled: perhaps}}", "sources.betfair_csv.enabled", "'perhaps'", "boolean"),
        ("rules: {trap: {usual: {GB: x}}}", "rules.trap.usual.GB", "'x'", "integer"),
        ("automation: {historical_sync: {cron: 0 2 * *}}", "automation.historical_sync.cron", "'0 2 * *'", "five"),
        ("sources: {betfair_historic: {price_points: {steps: 5}}}", GRID_STEPS, "5", "must be a list"),
        ("sources: {betfair_historic: {price_points: {steps: [5]}}}", f"{GRID_STEPS}.0", "5", "settings below it"),
        (
            "sources: {betfair_historic: {price_points: {steps: [{start: 9, every: 1}, {start: 60, every: 5}]}}}",
            GRID_STEPS,
            "a list",
            "must begin with the step that starts earliest",
        ),
        *(
            (f"automation: {{live_session: {{cron: '{cron}'}}}}", "automation.live_session.cron", f"'{cron}'", said)
            for cron, said in {
                "60 2 * * *": "its minute is '60'; write *, 0 to 59",
                "0 2-1 * * *": "its hour is '2-1'",
                "0 2 0 * *": "its day is '0'; write *, 1 to 31",
                "0 2 * 13 *": "its month is '13'",
                "0 2 * * mo": "its weekday is 'mo'",
                "0 2 * * */x": "its weekday is '*/x'",
            }.items()
        ),
        ("sources: {betfair_bsp: {fetch: {cron: daily}}}", "sources.betfair_bsp.fetch.cron", "'daily'", "five fields"),
        ("automation: {upcoming_cards: {sources: [gbgb]}}", "automation.upcoming_cards.sources.0", "'gbgb'", "racing_"),
        ("automation: {historical_sync: {timezone: Mars}}", "automation.historical_sync.timezone", "'Mars'", "IANA"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_its_path_its_file_and_what_is(
    file: Path, text: str, path: str, shown: str, allowed: str
) -> None:
    said = error(file, text)
    assert said.startswith(f"{file}: {path} is {shown}: ")
    assert allowed in said


def test_a_value_that_a_variable_gives_is_told_by_the_variable(file: Path) -> None:
    said = error(file, "logging: {level: DEBUG}", LOGGING__LEVEL="LOUD")
    assert said.startswith("RACE_ASSETS_LOGGING__LEVEL: logging.level is 'LOUD': ")


def test_a_value_in_a_branch_that_a_variable_gives_is_told_by_the_variable(file: Path) -> None:
    assert error(file, LOGGING="{level: LOUD}").startswith("RACE_ASSETS_LOGGING: logging.level is 'LOUD': ")


def test_a_setting_that_must_be_given_and_is_not_is_named(file: Path) -> None:
    text = "sources: {betfair_historic: {price_points: {steps: [{start: 60}]}}}"
    assert error(file, text) == f"{file}: {GRID_STEPS}.0.every is missing"


def test_a_value_where_a_branch_belongs_is_named(file: Path) -> None:
    assert error(file, "rules: none").startswith(f"{file}: rules is 'none': ")
    assert error(file, HOME="x", HOME__BELOW="y").startswith("RACE_ASSETS_HOME__BELOW: home is ")


@pytest.mark.parametrize("cron", ["*/15 6-22 * * *", "0 2,14 1-7 jan-mar mon-fri", "5 0 * * 7", "0 0 31 12 SUN"])
def test_a_cron_is_taken_in_every_usual_form(file: Path, cron: str) -> None:
    told = settings(file, f"sources: {{betfair_bsp: {{fetch: {{cron: '{cron}'}}}}}}").sources.betfair_bsp.fetch
    assert told.cron == cron


@given(st.text("0123456789*/,- janmonW?L", max_size=24))
def test_a_cron_that_is_taken_is_one_that_dagster_takes(cron: str) -> None:
    try:
        CronSettings(cron=cron)
    except ValidationError:
        return
    assert is_valid_cron_schedule(cron)


# Files that cannot be read


@pytest.mark.parametrize("text", ["home: [", "home: 'data", "a: b: c", "\thome: x", "home: \0"])
def test_a_file_that_is_not_yaml_is_named(file: Path, text: str) -> None:
    assert error(file, text).startswith(f"{file}: not readable as YAML")


def test_the_place_where_a_file_stops_being_yaml_is_told(file: Path) -> None:
    assert "at line 3, column 1" in error(file, "home: data\nrules: {\n")


def test_a_file_that_is_not_utf8_is_named(file: Path) -> None:
    file.write_bytes("home: Dún Laoghaire".encode("latin-1"))
    with pytest.raises(SettingsError, match=rf"^{re.escape(str(file))}: not UTF-8 at byte 7"):
        load(file, {})


@pytest.mark.parametrize(("text", "found"), [("- home", "list"), ("data", "str"), ("7", "int")])
def test_a_file_that_is_no_mapping_is_named(file: Path, text: str, found: str) -> None:
    assert error(file, text) == f"{file}: must be a mapping of settings, found {found}"


def test_a_variable_that_is_not_yaml_is_named(file: Path) -> None:
    assert error(file, LOGGING__LEVEL="[INFO").startswith("RACE_ASSETS_LOGGING__LEVEL: not readable as YAML")


def test_a_file_that_is_not_there_is_an_error_when_it_was_named(tmp_path: Path) -> None:
    missing = tmp_path / "nowhere.yaml"
    with pytest.raises(SettingsError, match=r"nowhere\.yaml: there is no such settings file; RACE_ASSETS_CONFIG"):
        load(None, {"RACE_ASSETS_CONFIG": str(missing)})
    with pytest.raises(SettingsError, match=r"nowhere\.yaml"):
        load(missing, {})


def test_a_folder_in_the_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path, {})


# Which file, and what is relative to it


def test_the_named_file_comes_before_that_of_the_working_folder_and_that_before_the_projects(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "elsewhere" / "other.yaml"
    named.parent.mkdir()
    named.write_text("chunk_rows: 1")
    monkeypatch.chdir(tmp_path)
    assert settings_module.find_file({}) == PROJECT / "race_assets.yaml"
    file.write_text("chunk_rows: 2")
    assert load(None, {}).chunk_rows == 2
    assert load(None, {"RACE_ASSETS_CONFIG": "elsewhere/other.yaml"}).chunk_rows == 1


def test_a_relative_home_is_below_the_files_folder_wherever_the_command_runs(
    file: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert settings(file, "home: race/data").home == file.parent / "race" / "data"
    assert settings(file, "home: race/data", HOME="other").home == file.parent / "other"


def test_an_absolute_home_and_one_below_the_users_are_taken_as_they_are(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    assert settings(file, f"home: {tmp_path}/absolute").home == tmp_path / "absolute"
    assert settings(file, "home: ~/races").home == tmp_path / "user" / "races"


def test_a_drop_folder_is_below_home_unless_it_has_a_path_of_its_own(file: Path, tmp_path: Path) -> None:
    told = settings(file, f"sources: {{betfair_bsp: {{path: {tmp_path}/inbox}}}}")
    assert told.drop_folder("betfair_csv") == file.parent / "data" / "drops" / "betfair_csv"
    assert told.drop_folder("betfair_bsp") == tmp_path / "inbox"


# The warehouse's address is a secret


def test_an_empty_address_in_the_environment_means_the_embedded_server(file: Path) -> None:
    text = f"postgres: {{url: {SECRET_URL}}}"
    assert settings(file, text).postgres.url is not None
    assert settings(file, text, POSTGRES__URL="").postgres.url is None


@pytest.mark.parametrize("variables", [{}, {"POSTGRES__URL": SECRET_URL}])
def test_the_address_is_in_no_repr_and_no_dump(file: Path, variables: dict[str, str]) -> None:
    told = settings(file, "" if variables else f"postgres: {{url: {SECRET_URL}}}", **variables)
    assert told.postgres.url is not None
    assert told.postgres.url.reveal(told.aws) == SECRET_URL
    shown = [repr(told), str(told), str(told.model_dump()), told.model_dump_json(), str(told.model_dump(mode="json"))]
    assert [text for text in shown if SECRET in text] == []


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        (f"postgres: {{url: [{SECRET_URL}]}}", {}),
        (f"postgres: {{url: {{x: '{SECRET_URL}'}}}}", {}),
        (f"postgres: {{ulr: '{SECRET_URL}'}}", {}),
        (f"postgres: '{SECRET_URL}'", {}),
        (f"postgres: ['{SECRET_URL}']", {}),
        (f"home: {{url: '{SECRET_URL}'}}", {}),
        (f"logging: {{level: '{SECRET_URL}'}}", {}),
        (f"postgres: {{url: '{SECRET_URL}", {}),
        (f"postgres: {{url: {SECRET_URL}: }}}}", {}),
        ("", {"POSTGRES": SECRET_URL}),
        ("", {"POSTGRES": f"{{url: [{SECRET_URL}"}),
        ("", {"POSTGRES_URL": SECRET_URL}),
        ("", {"POSTGRES__URI": SECRET_URL}),
        ("", {"POSTGRES__URL__X": SECRET_URL}),
        ("chunk_rows: 0", {"POSTGRES__URL": SECRET_URL}),
    ],
)
def test_the_address_is_in_no_error(file: Path, text: str, variables: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as raised:
        settings(file, text, **variables)
    chain: list[str] = []
    cause: BaseException | None = raised.value
    while cause is not None and not chain.count(repr(cause)):
        chain += [str(cause), repr(cause)]
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    assert [each for each in chain if SECRET in each] == []
    assert str(file) in str(raised.value) or "RACE_ASSETS_" in str(raised.value)


def test_a_key_that_stands_twice_is_refused_and_not_the_first_forgotten(file: Path) -> None:
    with pytest.raises(SettingsError, match="sources stands twice at one level"):
        settings(file, "sources: {betfair_csv: {enabled: false}}\nsources: {betfair_bsp: {enabled: true}}\n")


def test_numbers_that_are_written_as_no_number_is_shown_are_text(tmp_path: Path) -> None:
    file = tmp_path / "race_assets.yaml"
    feed = (
        "{columns: {track_name: T, start_at: S, selection_name: N}, timezone: UTC, null_words: [0.00, 010, 12:30, 7]}"
    )
    file.write_text(
        f"chunk_rows: 1000\nrules: {{price_range: {{max: 1.50e2}}}}\nsources: {{csv_feeds: {{club: {feed}}}}}\n"
    )
    told = load(file, {})
    assert list(told.sources.csv_feeds["club"].null_words) == ["0.00", "010", "12:30", "7"]
    assert (told.chunk_rows, told.rules.price_range.max) == (1000, 150.0)


# Values that no run could work with


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: {price_range: {min: 5, max: 2}}", "rules.price_range"),
        ("rules: {price_range: {max: .nan}}", "rules.price_range.max"),
        ("rules: {runners: {min: 11}}", "min 11 is above max 10"),
        ("rules: {over_round: {max: 0.5}}", "min 0.8 is above max 0.5"),
        ("sources: {betfair_csv: {rules: {price_range: {max: 1}}}}", "sources.betfair_csv.rules.price_range: min 1.01"),
        ("sources: {betfair_exchange: {countries: [UK]}}", "UK is not an ISO code: write GB"),
        ("sources: {betfair_historic: {fetch: {countries: [gb]}}}", "'gb' is not an ISO code"),
        ('automation: {historical_sync: {cron: "0 0 31 2 *"}}', "month 2 has no day 31"),
        ('automation: {historical_sync: {cron: "0 0 31 apr,jun *"}}', "month apr,jun has no day 31"),
        ('automation: {historical_sync: {cron: "0 0 30-31 feb *"}}', "month feb has no day 30-31"),
    ],
)
def test_a_setting_under_which_nothing_could_pass_or_happen_is_named(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError, match=re.escape(said)):
        load(file, {})


@pytest.mark.parametrize("cron", ["0 0 29 2 *", "0 0 31 */2 *", "0 0 31 2 mon", "0 0 29-31 2 *", "0 0 31 mar-apr *"])
def test_a_cron_that_comes_at_some_time_is_taken(file: Path, cron: str) -> None:
    file.write_text(f'automation: {{historical_sync: {{cron: "{cron}"}}}}')
    assert load(file, {}).automation.historical_sync.cron == cron
