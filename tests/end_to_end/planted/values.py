"""What is planted: made-up personal data of every kind and locale, in sentences, for a project each."""

import random
import re
from collections.abc import Iterator
from typing import NamedTuple

from faker import Faker

from concord.privacy import KINDS
from tests.end_to_end.planted.search import WINDOW
from tests.unit.concord.privacy.corpus import LOCALES, SENTENCES, things

TREATMENTS = ("mask", "pseudonym")
NAME_CHARACTERS_MIN = 10
_BESIDE_END, _BESIDE_BEGIN = re.compile(r"\W+$"), re.compile(r"^\W+")
_INSTEAD = re.compile(r"\[[a-z_]+(:[a-z2-7]{16})?\]")


class Planted(NamedTuple):
    """A value of a kind, and the sentence that it stands in."""

    kind: str
    value: str
    before: str
    after: str

    @property
    def text(self) -> str:
        """The sentence."""
        return f"{self.before}{self.value}{self.after}"

    def shows(self, text: str) -> bool:
        """Return whether something of the value is left of the sentence as somebody was shown it.

        Brackets and quotes beside it may go with it.

        >>> hidden = Planted("email", "ada@example.org", "Write to (", ") now")
        >>> hidden.shows("Write to [email] now"), hidden.shows("Write to (ada@[url]) now")
        (False, True)
        """
        before, after = _BESIDE_END.sub("", self.before), _BESIDE_BEGIN.sub("", self.after)
        middle = text.removeprefix(before).removesuffix(after)
        return any(character.isalnum() for character in _INSTEAD.sub("", middle))


class Lot(NamedTuple):
    """What is planted in one project.

    Attributes:
        project: its name.
        treatment: how what is found is replaced.
        region: whose telephone plan is tried.
        planted: values that are sent in contents.
        refused: values that are sent in what cannot be taken.
        labels: values that are sent in labels of free text.
    """

    project: str
    treatment: str
    region: str
    planted: list[Planted]
    refused: list[Planted]
    labels: list[Planted]

    @property
    def annotators(self) -> tuple[str, str]:
        """Who works in it alone."""
        return f"w1-{self.project}", f"w2-{self.project}"

    @property
    def names(self) -> list[str]:
        """The names that the project has replaced."""
        return sorted({entry.value for entry in (*self.planted, *self.refused, *self.labels) if entry.kind == "name"})


def lots(of_each_kind: int, refused: int, labels: int, projects: int) -> list[Lot]:
    """Return what is planted in a project for each locale and treatment.

    Args:
        of_each_kind: values of each kind in contents, over all projects.
        refused: values that each project is sent in what cannot be taken.
        labels: values that each project is sent in labels.
        projects: the first so many.
    """
    slots = [(locale, treatment) for locale in LOCALES for treatment in TREATMENTS][:projects]
    found = []
    for number, (locale, treatment) in enumerate(slots):
        count = of_each_kind // len(slots) + (number < of_each_kind % len(slots))
        values = _values(locale, treatment)
        by_kind: dict[str, list[Planted]] = {kind: [] for kind in KINDS}
        more: list[Planted] = []
        for entry in values:
            if len(by_kind[entry.kind]) < count:
                by_kind[entry.kind].append(entry)
            elif len(more) < refused + labels:
                more.append(entry)
            elif all(len(entries) == count for entries in by_kind.values()):
                break
        # By turns, so that each door has some of each kind.
        planted = [entry for row in zip(*by_kind.values(), strict=True) for entry in row]
        project = f"{locale.lower().replace('_', '-')}-{treatment}"
        found.append(Lot(project, treatment, LOCALES[locale], planted, more[:refused], more[refused:]))
    return found


def _values(locale: str, treatment: str) -> Iterator[Planted]:
    """Yield values of a locale without end, each but once; those of two treatments are not the same."""
    seed = f"{locale} {treatment}"
    fake, chance, seen = Faker(locale), random.Random(seed), set[str]()
    fake.seed_instance(seed)
    while True:
        for kind, value in {**things(fake, chance), "name": f"{fake.first_name()} {fake.last_name()}"}.items():
            shortest = NAME_CHARACTERS_MIN if kind == "name" else WINDOW
            if value not in seen and len(value) >= shortest:
                seen.add(value)
                before, after = chance.choice(SENTENCES).split("{}")
                yield Planted(kind, value, f"Note: {before}", f"{after} (end)")
