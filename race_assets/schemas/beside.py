"""What sources tell beside their records, in lists that become core tables of their own; how they do is elsewhere."""

from dataclasses import dataclass

import pandera.polars as pa
import polars as pl

from race_assets.schemas.core import DOG_FORM, PRICE_POINTS, RACE_ANALYSIS
from race_assets.schemas.records import OF_RECORD, PARSED_ANALYSIS, PARSED_FORM, PARSED_POINTS
from race_assets.schemas.table import key_of, polars_schema


@dataclass(frozen=True)
class Beside:
    """One kind of such lists.

    Attributes:
        name: the column a parser hands over beside those of PARSED, and the folder of its rows in the lake.
        count: the record's column that says how many there are.
        what: they are, for messages.
        parsed: the rows beside the records of a file, in the lake.
        core: the table they become.
    """

    name: str
    count: str
    what: str
    parsed: pa.DataFrameSchema
    core: pa.DataFrameSchema

    @property
    def fields(self) -> list[str]:
        """The columns of `parsed` that are not the record's: those of the structs in a parser's lists."""
        return [name for name in self.parsed.columns if name not in OF_RECORD]

    @property
    def lists(self) -> pl.List:
        """The type of the parser's column."""
        types = polars_schema(self.parsed)
        return pl.List(pl.Struct({name: types[name] for name in self.fields}))

    @property
    def teller(self) -> list[str]:
        """The columns of the core key that one record answers for."""
        return [name for name in key_of(self.core) if name not in self.order]

    @property
    def order(self) -> list[str]:
        """The other columns of the core key: what tells the rows of one record apart."""
        return [name for name in key_of(self.core) if name in self.fields]


POINTS = Beside("points", "point_count", "price points", PARSED_POINTS, PRICE_POINTS)
FORM = Beside("form", "form_count", "past runs", PARSED_FORM, DOG_FORM)
ANALYSIS = Beside("analysis", "analysis_count", "views of runners", PARSED_ANALYSIS, RACE_ANALYSIS)
KINDS = (POINTS, FORM, ANALYSIS)
