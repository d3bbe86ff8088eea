"""The keys of core tables and rejects, one function each; what a key is made of is settled by its caller."""

import hashlib

import polars as pl


def track_id(country: str, slug: str) -> str:
    """`gb-romford`: the country, then the track's name in lower case with hyphens."""
    return f"{country.lower()}-{slug}"


def race_id(track: pl.Expr, start_local: pl.Expr, is_second_pass: pl.Expr) -> pl.Expr:
    """`gb-romford-20240627-1436`: track and scheduled off at the track.

    In the hour that exists twice, a race of its second pass ends in `b`.
    """
    second = pl.when(is_second_pass).then(pl.lit("b")).otherwise(pl.lit(""))
    return pl.concat_str(track, pl.lit("-"), start_local.dt.strftime("%Y%m%d-%H%M"), second)


def selection_id(race: pl.Expr, trap: pl.Expr, runner_seq: pl.Expr, match_name: pl.Expr) -> pl.Expr:
    """`<race_id>-t3` for the dog in trap 3, `-t3-r1` for the first it replaced, `<race_id>-n-<name>` without a trap."""
    replaced = (
        pl.when(runner_seq > 0).then(pl.concat_str(pl.lit("-r"), runner_seq.cast(pl.String))).otherwise(pl.lit(""))
    )
    by_trap = pl.concat_str(race, pl.lit("-t"), trap.cast(pl.String), replaced)
    by_name = pl.concat_str(race, pl.lit("-n-"), match_name.str.to_lowercase().str.replace_all(" ", "-"))
    return pl.when(trap.is_not_null()).then(by_trap).otherwise(by_name)


def reject_id(source: str, sha256: str, row: int, market_type: str | None, stage: str) -> str:
    """The same row refused at the same stage has the same id, whenever and by whichever run."""
    text = f"{source}\n{sha256}\n{row}\n{market_type or ''}\n{stage}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
