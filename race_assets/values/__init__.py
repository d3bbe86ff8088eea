"""Text to typed value, as Polars expressions that know no column, table or source; judging the values is not done here.

Functions take expressions and return expressions that look at one row at a time, fit for eager and lazy frames. The
caller names the result (``frame.with_columns(price=decimal_odds(pl.col("text")))``): left alone, it bears the name of a
part it was made from. What cannot be read is null; a struct read from a
null text may be null as a whole, and so is each of its fields.
"""
