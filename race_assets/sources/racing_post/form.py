"""The `racing_post_form` source: the past runs of a race's dogs as they were known on its card."""

import polars as pl

from race_assets.schemas.beside import FORM as BESIDE
from race_assets.sources.findings import with_notes
from race_assets.sources.racing_post import cells, tracks
from race_assets.sources.racing_post.reading import FORM
from race_assets.sources.racing_post.records import RacingPostFile, told
from race_assets.values import distances, odds, positions

MEASURES = {
    "distance": "distance_m",
    "trap": "trap",
    "sectional": "sectional_s",
    "calc_time": "calc_time_s",
    "winner_time": "winner_time_s",
    "weight": "weight_kg",
    "sp": "sp_decimal",
}
"""What the provider writes, and the column it comes to: one that cannot be read is null and counted."""


class RacingPostForm(RacingPostFile):
    """Answers of GetHorseForm, whose subject is the greyhound: one record per dog of a race, its past runs beside it.

    A payload does not say which trap a dog has in the race it is asked for.
    """

    name = "racing_post_form"
    title = "Racing Post form: past runs of a race's dogs"
    operation = FORM

    def records(self, rows: pl.DataFrame, runs: pl.DataFrame) -> pl.DataFrame:
        """See `RacingPostFile.records`."""
        races = rows.select("source_row", "market_id", "start_at", "race_date")
        frame = _runs(runs, self._zone).join(races, left_on="row", right_on="source_row", how="left")
        # The card knew nothing of the race itself or of later ones, whatever the answer has by now.
        is_past = pl.coalesce(
            pl.col("run_at") < pl.col("start_at"), pl.col("run_date") < pl.col("race_date"), pl.lit(value=True)
        ) & pl.col("run_id").ne_missing(pl.col("market_id"))
        frame = frame.with_columns(is_past=is_past)
        unread = {f"form_{name}_unread": f"{name}_unread" for name in MEASURES}
        found = frame.group_by("row", maintain_order=True).agg(
            pl.struct(BESIDE.fields).filter("is_past").alias(BESIDE.name),
            pl.col("is_past").not_().any().alias("form_not_past"),
            *(pl.col(flag).any().alias(code) for code, flag in unread.items()),
        )
        frame = rows.join(found, left_on="source_row", right_on="row", how="left", maintain_order="left")
        frame = with_notes(frame, {code: pl.col(code) for code in ("form_not_past", *unread)})
        return told(frame, BESIDE.name)


def _runs(runs: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Past runs as the columns of `PARSED_FORM`, and for each measure whether it could not be read."""
    at = cells.moment(pl.col("run_at"), zone)
    sp = pl.coalesce("sp", cells.fraction(pl.col("sp_numerator"), pl.col("sp_denominator")))
    frame = runs.with_columns(sp=pl.when(~odds.is_null_word(sp)).then(sp), written=pl.col("trap"))
    price = cells.price(pl.col("sp"))
    frame = frame.with_columns(
        run_date=pl.coalesce(at.struct.field("day"), at.struct.field("at").dt.date()),
        run_at=at.struct.field("at"),
        track_name=pl.col("track"),
        track_known_as=pl.coalesce(pl.col("track_id").replace_strict(tracks.NAMES, default=None), "track"),
        country=cells.country(pl.col("country")),
        distance_m=cells.metres(pl.col("distance")),
        trap=cells.whole(pl.col("trap")),
        is_trial=cells.is_trial(pl.col("trial"), pl.col("grade")),
        finish_position=positions.finish_position(pl.col("position")),
        outcome=pl.col("position"),
        sectional_s=cells.number(pl.col("sectional")),
        calc_time_s=cells.number(pl.col("calc_time")),
        winner_time_s=cells.number(pl.col("winner_time")),
        beaten_lengths=distances.lengths(pl.col("beaten")),
        weight_kg=cells.number(pl.col("weight")),
        sp_fraction=pl.col("sp"),
        sp_decimal=price.struct.field("decimal"),
        favourite=price.struct.field("favourite"),
    )
    return frame.with_columns(
        (pl.col("written" if name == "trap" else name).is_not_null() & pl.col(column).is_null()).alias(f"{name}_unread")
        for name, column in MEASURES.items()
    )
