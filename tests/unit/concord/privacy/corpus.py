"""A corpus of made-up people in six locales: sentences with one thing of a kind, and with none."""

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from faker import Faker

LOCALES = {"en_US": "US", "en_GB": "GB", "de_DE": "DE", "fr_FR": "FR", "es_ES": "ES", "it_IT": "IT"}
STRUCTURED = ("email", "url", "iban", "card", "mac", "ip", "national_id", "vat", "date", "bic", "phone")
PEOPLE = 200
SENTENCES = (
    "Ref: {}",
    "{} was given by the caller.",
    "Please note {}, as agreed.",
    "Kontakt ({}) seit gestern; ça va.",
    "«{}»",
)


class Planted(NamedTuple):
    """A text with something in it, and where."""

    kind: str
    text: str
    start: int
    end: int


def things(fake: Any, chance: random.Random) -> dict[str, str]:
    """Return one thing of each structured kind."""
    spaced = fake.iban()
    spaced = " ".join(spaced[at : at + 4] for at in range(0, len(spaced), 4)) if chance.random() < 0.5 else spaced
    day = fake.date_of_birth()
    return {
        "email": fake.email(),
        "url": fake.url(),
        "iban": spaced,
        "card": fake.credit_card_number(),
        "mac": fake.mac_address(),
        "ip": fake.ipv4() if chance.random() < 0.5 else fake.ipv6(),
        "national_id": (fake.nif() if chance.random() < 0.5 else fake.nie()) if hasattr(fake, "nie") else fake.ssn(),
        "vat": fake.vat_id() if hasattr(fake, "vat_id") else f"GB{chance.randrange(10**8, 10**9)}",
        "date": chance.choice(
            [day.isoformat(), day.strftime("%d.%m.%Y"), day.strftime("%m/%d/%Y"), day.strftime("%d/%m/%y")]
        ),
        "bic": fake.swift(),
        "phone": fake.phone_number(),
    }


def planted(locale: str) -> Iterator[Planted]:
    """Yield sentences of a locale, each with one thing in it."""
    fake, chance = Faker(locale), random.Random(locale)
    fake.seed_instance(locale)
    for _ in range(PEOPLE):
        for kind, thing in things(fake, chance).items():
            sentence = chance.choice(SENTENCES)
            start = sentence.index("{}")
            yield Planted(kind, sentence.format(thing), start, start + len(thing))


def harmless(locale: str) -> Iterator[str]:
    """Yield sentences of a locale without personal data, with the numbers that texts have."""
    fake, chance = Faker(locale), random.Random(locale)
    fake.seed_instance(locale)
    for _ in range(PEOPLE):
        number = chance.choice(
            [
                f"{chance.randrange(1, 99_999)}",
                f"{chance.randrange(1, 999)}.{chance.randrange(10, 99)}",
                f"{chance.randrange(1, 999):,}.{chance.randrange(100, 999)}",
                f"v{chance.randrange(9)}.{chance.randrange(20)}.{chance.randrange(20)}",
                f"{chance.randrange(10, 23)}:{chance.randrange(10, 59)}",
                f"#{chance.randrange(10**5, 10**6)}",
                f"{chance.randrange(1, 99)} %",
                f"{chance.randrange(1990, 2030)}",
            ]
        )
        yield f"{fake.sentence()} {number} {fake.sentence()}"
