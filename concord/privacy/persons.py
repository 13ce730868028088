"""Numbers by which states know their people. Where a state's number has a checksum, it must hold."""

from collections.abc import Callable

from stdnum.es import dni, nie
from stdnum.fr import nir
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.pl import pesel
from stdnum.se import personnummer

from concord.privacy.found import Pattern, compiled


def _formed(candidate: str) -> tuple[int, str]:
    return len(candidate), "".join(character for character in candidate if character.isalnum()).upper()


def _valid(*checks: Callable[[str], bool]) -> Callable[[str], tuple[int, str] | None]:
    def check(candidate: str) -> tuple[int, str] | None:
        return _formed(candidate) if any(entry(candidate) for entry in checks) else None

    return check


NATIONAL_IDS = (
    # The United States' number has no checksum, and the dashes are how it is told from others.
    Pattern("national_id", compiled(r"\d{3}-\d{2}-\d{4}"), _formed),
    # Neither has the British one: letters before and after it tell it.
    Pattern("national_id", compiled(r"(?i)[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-Z]"), _formed),
    Pattern("national_id", compiled(r"[12] ?\d{2} ?\d{2} ?[0-9AB]{2} ?\d{3} ?\d{3} ?\d{2}"), _valid(nir.is_valid)),
    Pattern("national_id", compiled(r"(?i)[0-9XYZ]\d{7}-?[A-Z]"), _valid(dni.is_valid, nie.is_valid)),
    Pattern("national_id", compiled(r"(?i)[A-Z]{6}\d{2}[A-Z]\d{2}[A-Z]\d{3}[A-Z]"), _valid(codicefiscale.is_valid)),
    Pattern("national_id", compiled(r"\d{6}[-+]\d{4}"), _valid(personnummer.is_valid)),
    Pattern("national_id", compiled(r"\d{11}"), _valid(pesel.is_valid)),
    Pattern("national_id", compiled(r"\d{9}"), _valid(bsn.is_valid)),
    # The German pension number: area, birthday, letter, serial.
    Pattern("national_id", compiled(r"\d{2} ?\d{6} ?[A-Z] ?\d{3}"), _formed),
)
