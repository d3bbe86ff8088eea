"""Invents the names of dogs, and spells them as people and programs do; who runs where is not decided here."""

import unicodedata
from collections.abc import Callable
from random import Random

CUT = 16
"""Betfair keeps so many characters of a name (API_CONTRACTS 3.8)."""

_KENNELS = (
    "Droopmor", "Ballygar", "Coolavar", "Savanmor", "Kilbreda", "Fernholm", "Knockdun", "Rosmult", "Tullyroe",
    "Ardnasco", "Aylsmore", "Lisheen", "Clonbrac", "Burgfort", "Glenmara", "Swifthol",
)  # fmt: skip
_FIRST = (
    "Swift", "Lucky", "Golden", "Mystic", "Silver", "Rapid", "Dark", "Bright", "Quiet", "Proud", "Merry", "Noble",
    "Early", "Hidden", "Bold", "Frosty", "Sandy", "Misty", "Blazing", "Gentle", "Ruby", "Jet", "Cool", "Magic",
    "Honest", "Copper", "Lonesome", "Western", "Northern", "Whistling", "Thunder", "Velvet",
)  # fmt: skip
_SECOND = (
    "Arrow", "Comet", "Duke", "Flyer", "Gem", "Hawk", "Jet", "Lad", "Missile", "Rocket", "Star", "Vic", "Dancer",
    "Bramble", "Ranger", "Phoenix", "Queen", "Prince", "Shadow", "Whisper", "Lightning", "Brigadier", "Express",
    "Bonnie", "Charlie", "Katie", "Millie", "Sammy", "Tyson", "Bullet", "Chance", "Crackers", "Diesel", "Echo",
    "Fantasy", "Gypsy", "Hurricane", "Icon", "Jasper", "King", "Legend", "Maverick", "Nugget", "Oscar", "Penny",
    "Quest", "Rascal", "Sapphire", "Teddy", "Usher", "Vantage", "Wizard", "Yankee", "Zulu", "Bluebell", "Cheetah",
)  # fmt: skip
_ONSETS = (
    "b",
    "br",
    "c",
    "cl",
    "d",
    "dr",
    "f",
    "g",
    "gl",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "sh",
    "st",
    "t",
    "tr",
    "v",
)
_RIMES = ("an", "ar", "ella", "en", "er", "ic", "illa", "in", "o", "on", "ora", "ow", "ula", "us", "y", "ane", "ick")
_VOWELS = "aeiou"
_CONSONANTS = "bcdfghklmnprstvw"
_FADAS = dict(zip(_VOWELS, "áéíóú", strict=True))
_SOUNDS = (
    ("ph", "f"), ("ck", "k"), ("ie", "y"), ("y", "ie"), ("ee", "ea"), ("sh", "ch"), ("c", "k"), ("s", "z"), ("ll", "l"),
    ("ow", "ough"), ("er", "ar"), ("qu", "kw"), ("an", "en"), ("o", "u"),
)  # fmt: skip
_TRIES = 50


def letters(name: str) -> str:
    """The letters and digits of a name without accents, in upper case: what is left when only marks differ."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(character for character in plain if character.isalnum()).upper()


def ascii_name(name: str) -> str:
    """The name as Betfair has it: no accents, no apostrophes."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(character for character in plain if ord(character) < 128 and character != "'")


class Namer:
    """Gives each dog a name no other dog has, unless it is asked for one that nearly is."""

    def __init__(self, rng: Random, kennels: int) -> None:
        self.rng = rng
        self.kennels = _KENNELS[:kennels]
        self._given: set[str] = set()

    def new(self, *, kennel: str | None, is_long: bool, apostrophe: bool, accent: bool) -> str:
        """A name with this prefix, or any beginning; longer than Betfair's cut, or not."""
        for _ in range(_TRIES * _TRIES):
            words = [kennel or self._first(), self._second()]
            while is_long and len(" ".join(words)) <= CUT:
                words.append(self._second())
            name = self._marked(words, apostrophe=apostrophe, accent=accent)
            if (len(name) > CUT) == is_long and self._take(name):
                return name
        raise ValueError(f"no name is left that begins with {kennel or 'any word'}; give rates with fewer races")

    def alike(self, name: str) -> str:
        """The name of another dog that is nearly this one: its last word differs by a letter or two."""
        head, _, last = name.rpartition(" ")
        for _ in range(_TRIES):
            changed = self.rng.choice((self._other_beginning, self._other_end, self._longer))(last)
            other = f"{head} {changed}".strip()
            if self._take(other):
                return other
        return self.new(kennel=None, is_long=False, apostrophe=False, accent=False)

    def alike_when_cut(self) -> tuple[str, str]:
        """The names of two dogs that Betfair's cut makes one."""
        while True:
            stem = self.new(kennel=self.rng.choice(self.kennels), is_long=True, apostrophe=False, accent=False)
            one, other = (f"{stem} {end}" for end in self.rng.sample(_SECOND, 2))
            if self._take(one) and self._take(other):
                return one, other

    def _take(self, name: str) -> bool:
        key = letters(name)
        if key in self._given:
            return False
        self._given.add(key)
        return True

    def _first(self) -> str:
        return self.rng.choice(_FIRST) if self.rng.random() < 0.5 else self._made_up()

    def _second(self) -> str:
        return self.rng.choice(_SECOND) if self.rng.random() < 0.5 else self._made_up()

    def _made_up(self) -> str:
        middle = self.rng.choice((*_VOWELS, "a", "o"))
        return (self.rng.choice(_ONSETS) + middle + self.rng.choice(_ONSETS) + self.rng.choice(_RIMES)).capitalize()

    def _marked(self, words: list[str], *, apostrophe: bool, accent: bool) -> str:
        if apostrophe:
            words = [words[0] + "'s", *words[1:]]
        if accent:
            at = next((i for i, letter in enumerate(words[-1]) if letter in _FADAS), None)
            if at is not None:
                words = [*words[:-1], words[-1][:at] + _FADAS[words[-1][at]] + words[-1][at + 1 :]]
        return " ".join(words)

    def _other_beginning(self, word: str) -> str:
        return (self.rng.choice(_CONSONANTS) + word[1:].lower()).capitalize()

    def _other_end(self, word: str) -> str:
        return word[:-1] + self.rng.choice(_CONSONANTS + _VOWELS)

    def _longer(self, word: str) -> str:
        return word + self.rng.choice(("s", "y", "er", "a"))


def misspelt(rng: Random, name: str, mistakes: int = 1) -> str:
    """The name with so many mistakes in it, as a person keys or hears it; its letters are never the right ones."""
    for _ in range(_TRIES):
        wrong = name
        for _ in range(mistakes):
            wrong = rng.choice(_MISTAKES)(rng, wrong)
        if wrong.strip() and letters(wrong) != letters(name):
            return wrong
    return name + "e"


def _swapped(rng: Random, name: str) -> str:
    at = rng.randrange(1, max(2, len(name) - 1))
    return name[:at] + name[at + 1 : at + 2] + name[at : at + 1] + name[at + 2 :]


def _dropped(rng: Random, name: str) -> str:
    at = rng.randrange(len(name))
    return name[:at] + name[at + 1 :]


def _doubled(rng: Random, name: str) -> str:
    at = rng.randrange(len(name))
    return name[:at] + name[at] + name[at:]


def _wrong_letter(rng: Random, name: str) -> str:
    at = rng.randrange(1, max(2, len(name)))
    return name[:at] + rng.choice(_VOWELS if name[at : at + 1] in _VOWELS else _CONSONANTS) + name[at + 1 :]


def _by_ear(rng: Random, name: str) -> str:
    heard, written = rng.choice(_SOUNDS)
    return name.replace(heard, written, 1)


def _joined(rng: Random, name: str) -> str:
    # A word run into the next, and a letter lost where they meet.
    at = name.find(" ", rng.randrange(3))
    return name if at < 1 else name[: at - 1] + name[at + 1 :].lower()


def _word_lost(rng: Random, name: str) -> str:
    words = name.split(" ")
    if len(words) > 2:
        del words[rng.randrange(1, len(words))]
    return " ".join(words)


def _abbreviated(rng: Random, name: str) -> str:
    # The first word without its vowels, as clerks write kennels.
    head, _, tail = name.partition(" ")
    short = head[:1] + "".join(letter for letter in head[1:] if letter not in _VOWELS)
    return f"{short} {tail}" if tail and rng.random() < 0.5 else name


_MISTAKES: tuple[Callable[[Random, str], str], ...] = (
    _swapped, _swapped, _dropped, _dropped, _doubled, _wrong_letter, _wrong_letter, _by_ear, _by_ear, _joined,
    _word_lost, _abbreviated,
)  # fmt: skip
