"""Writes docs/TABLES.md from the schemas and docs/API.md from the docstrings; no prose of its own but the headings.

Nothing is imported but the schemas: the API page is read from the source text, so it needs no Dagster.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl

from race_assets.display import visible
from race_assets.schemas import catalogue
from race_assets.schemas.table import is_json, key_of

PACKAGE = Path(__file__).absolute().parent.parent
NOT_SHOWN = ("cli", "__main__.py", "storage/migrations")
"""Described elsewhere: the command by its own help, migrations by the tables they make."""

GENERATED = "Written by `make docs`; change the {} instead of this page."

SIMPLE: Mapping[type, str] = {
    pl.String: "text",
    pl.Date: "date",
    pl.Int16: "smallint",
    pl.Int32: "integer",
    pl.Int64: "bigint",
    pl.Float64: "double precision",
    pl.Boolean: "boolean",
}
"""The Postgres type of each Polars type that has no parameters."""

LAKE_PATHS = {
    "parsed": "lake/parsed/<source>/<sha256>-<parser version>.parquet/",
    "parsed.points": "lake/parsed/<source>/<sha256>-<parser version>.parquet/points/",
    "parsed.form": "lake/parsed/<source>/<sha256>-<parser version>.parquet/form/",
    "parsed.analysis": "lake/parsed/<source>/<sha256>-<parser version>.parquet/analysis/",
    "raw": "lake/raw/<source>/<year>/<race_date>.parquet",
    "validated.records": "lake/validated/records/<year>/<race_date>.parquet",
    "validated.rejects": "lake/validated/rejects/<year>/<race_date>.parquet",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def main(folder: Path) -> None:
    """Writes both pages into a folder, which is made when missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "TABLES.md").write_text(tables(), encoding="utf-8")
    (folder / "API.md").write_text(api(PACKAGE), encoding="utf-8")


def tables() -> str:
    """The page of tables: each with its description, its key, and its columns."""
    lines = ["# Tables", "", GENERATED.format("schemas in `race_assets/schemas/`"), ""]
    lines += ["## In Postgres", ""]
    for name, schema in catalogue.IN_POSTGRES.items():
        lines += _table(name, schema, "", lambda column: f"`{postgres_type(column)}`")
    lines += [
        "## In the lake",
        "",
        "Parquet below `home`. A column that is null throughout a file is left out of it.",
        "",
    ]
    for name, schema in catalogue.IN_LAKE.items():
        lines += _table(name, schema, f"`{LAKE_PATHS[name]}`. ", lambda column: f"`{polars_type(column.dtype.type)}`")
    return _page(lines)


def _table(name: str, schema: pa.DataFrameSchema, where: str, type_of: Any) -> Iterator[str]:
    key = ", ".join(f"`{column}`" for column in key_of(schema))
    yield from (f"### {name}", "", schema.description or "", "", f"{where}Key: {key}.", "")
    yield from ("| column | type | null | meaning |", "|---|---|---|---|")
    for column_name, declared in schema.columns.items():
        null = "null" if declared.nullable else ""
        yield f"| `{column_name}` | {type_of(declared)} | {null} | {_cell(declared.description or '')} |"
    yield ""


def postgres_type(declared: pa.Column) -> str:
    """The type a column has in Postgres.

    Raises:
        KeyError: the migrations use no such type.
    """
    return "jsonb" if is_json(declared) else _postgres(declared.dtype.type)


def _postgres(dtype: Any) -> str:
    if isinstance(dtype, pl.Datetime):
        return "timestamptz" if dtype.time_zone else "timestamp"
    if isinstance(dtype, pl.List):
        return f"{_postgres(dtype.inner)}[]"
    return SIMPLE[dtype if isinstance(dtype, type) else type(dtype)]


def polars_type(dtype: Any) -> str:
    """The type a column has in Parquet, as Polars reads it."""
    if isinstance(dtype, pl.Datetime):
        return f"Datetime({dtype.time_unit}, {dtype.time_zone})" if dtype.time_zone else f"Datetime({dtype.time_unit})"
    if isinstance(dtype, pl.List):
        return f"List({polars_type(dtype.inner)})"
    if isinstance(dtype, pl.Struct):
        return f"Struct({', '.join(f'{field.name}: {polars_type(field.dtype)}' for field in dtype.fields)})"
    return str(dtype)


def _cell(text: str) -> str:
    return visible(text).replace("|", "\\|")


def api(package: Path) -> str:
    """The page of modules: what belongs in each, and its public functions and classes."""
    lines = ["# API", "", GENERATED.format("docstrings"), ""]
    for path in sorted(package.rglob("*.py"), key=_order):
        relative = path.relative_to(package).as_posix()
        if not relative.startswith(NOT_SHOWN):
            lines += _module(".".join([package.name, *_dotted(path.relative_to(package))]), path)
    return _page(lines)


def _order(path: Path) -> tuple[str, ...]:
    """Packages before the modules in them, then by name."""
    return _dotted(path)


def _dotted(path: Path) -> tuple[str, ...]:
    parts = path.with_suffix("").parts
    return parts[:-1] if parts[-1] == "__init__" else parts


def _module(name: str, path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield from (f"## {name}", "", _sentence(tree), "")
    for node in tree.body:
        if isinstance(node, Function) and not node.name.startswith("_"):
            yield from (f"### `{_signature(node)}`", "", _paragraph(node), "")
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from (f"### class `{node.name}`", "", _paragraph(node), "")
            yield from _methods(node)


def _methods(owner: ast.ClassDef) -> Iterator[str]:
    methods = [node for node in owner.body if isinstance(node, Function) and not node.name.startswith("_")]
    for node in methods:
        shown = node.name if _is_property(node) else _signature(node)
        yield f"- `{shown}`: {_paragraph(node)}"
    if methods:
        yield ""


def _is_property(node: Function) -> bool:
    return any(ast.unparse(each) in {"property", "cached_property"} for each in node.decorator_list)


def _signature(node: Function) -> str:
    arguments = node.args
    if arguments.args and arguments.args[0].arg in {"self", "cls"}:
        arguments = ast.arguments(
            arguments.posonlyargs,
            arguments.args[1:],
            arguments.vararg,
            arguments.kwonlyargs,
            arguments.kw_defaults,
            arguments.kwarg,
            arguments.defaults,
        )
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({ast.unparse(arguments)}){returns}"


def _paragraph(node: Function | ast.ClassDef | ast.Module) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join((ast.get_docstring(node) or "").partition("\n\n")[0].split())


def _sentence(node: ast.Module) -> str:
    """A module's first sentence: what belongs in it."""
    head, stop, _ = _paragraph(node).partition(". ")
    return head + stop.strip()


def _page(lines: list[str]) -> str:
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
