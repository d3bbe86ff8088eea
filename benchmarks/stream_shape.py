"""What a folder of stream files looks like in figures, to hold made-up files against real ones; prints a table."""

import argparse
import bz2
import json
import statistics
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Tally:
    """Counts over all files."""

    files: int = 0
    raw: int = 0
    packed: int = 0
    definitions: int = 0
    images: int = 0
    lengths: list[int] = field(default_factory=list)
    elements: list[int] = field(default_factory=list)
    runners: list[int] = field(default_factory=list)
    groups: Counter[str] = field(default_factory=Counter)
    pairs: Counter[str] = field(default_factory=Counter)
    zeros: Counter[str] = field(default_factory=Counter)
    depths: list[int] = field(default_factory=list)

    def add(self, path: Path) -> None:
        """Count one file."""
        packed = path.read_bytes()
        text = bz2.decompress(packed)
        self.files += 1
        self.packed += len(packed)
        self.raw += len(text)
        books: dict[tuple[int, str], set[float]] = {}
        for number, line in enumerate(text.splitlines()):
            self._line(line, books)
            if not number % 50:
                self.depths += [len(book) for book in books.values() if book]

    def _line(self, line: bytes, books: dict[tuple[int, str], set[float]]) -> None:
        self.lengths.append(len(line) + 1)
        for change in json.loads(line)["mc"]:
            self.definitions += "marketDefinition" in change
            self.images += change["img"]
            self.elements.append(len(change["rc"]))
            self.runners.append(len({element["id"] for element in change["rc"]}))
            for element in change["rc"]:
                self._element(element, books)

    def _element(self, element: dict, books: dict[tuple[int, str], set[float]]) -> None:
        group = next(iter(element.keys() - {"id", "ltp", "tv", "spf"}))
        self.groups[group] += 1
        if not isinstance(element[group], list):
            return
        self.pairs[group] += len(element[group])
        self.zeros[group] += sum(not size for _, size in element[group])
        if group in {"atb", "atl"}:
            book = books.setdefault((element["id"], group), set())
            book |= {price for price, size in element[group] if size}
            book -= {price for price, size in element[group] if not size}

    def figures(self) -> dict[str, str]:
        """The table's lines."""
        total = self.groups.total()
        return {
            "messages a market": f"{len(self.lengths) / self.files:,.0f}",
            "bytes a message: mean, p50, p95, max": _spread(self.lengths),
            "elements a message: mean, p50, p95, max": _spread(self.elements),
            "runners a message: mean, p50, p95, max": _spread(self.runners),
            **{f"share of {name}": f"{count / total:.1%}" for name, count in self.groups.most_common()},
            **{f"pairs in {name}": f"{count / self.groups[name]:.2f}" for name, count in self.pairs.most_common()},
            **{f"deletions in {name}": f"{self.zeros[name] / count:.1%}" for name, count in self.pairs.most_common()},
            "ladder depth: mean, p50, p95, max": _spread(self.depths),
            "definitions, images a market": f"{self.definitions / self.files:.1f}, {self.images / self.files:.1f}",
            "KB a market, and packed": f"{self.raw / self.files / 1000:,.0f}, {self.packed / self.files / 1000:,.1f}",
            "compress ratio": f"{self.raw / self.packed:.1f}",
        }


def _spread(values: list[int]) -> str:
    ordered = sorted(values)
    middle, high = ordered[len(ordered) // 2], ordered[int(0.95 * len(ordered))]
    return f"{statistics.fmean(ordered):.1f}, {middle}, {high}, {ordered[-1]}"


def measure(folder: Path, most: int) -> dict[str, str]:
    """The figures of the folder's first files."""
    tally = Tally()
    for path in sorted(folder.rglob("*.bz2"))[:most]:
        tally.add(path)
    return tally.figures()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="+", help="one column each")
    parser.add_argument("--files", type=int, default=24, help="count that many of each (default %(default)s)")
    args = parser.parse_args()
    columns = [measure(folder, args.files) for folder in args.folder]
    for name in columns[0]:
        print(f"{name:42}", *(f"{column.get(name, '-'):>22}" for column in columns))


if __name__ == "__main__":
    main()
