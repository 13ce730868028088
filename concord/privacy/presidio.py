"""Presidio beside our own rules: its pattern recognisers, and a model's names where an operator brings a model.

An extra (`pip install 'concord[presidio]'`), and only ever beside `Finder`: it finds more, and never instead. Nothing
is fetched while it runs. Its language engine is a blank one of spaCy unless a model is named that is installed as a
package; and the list of public suffixes, which it would fetch to judge an address of mail, is the one of its package.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from concord.privacy.finding import Finder, Finds, Rules, merged
from concord.privacy.found import Found
from concord.privacy.listed import hashed

ENTITIES: Final[Mapping[str, str]] = {
    "EMAIL_ADDRESS": "email",
    "URL": "url",
    "IBAN_CODE": "iban",
    "CREDIT_CARD": "card",
    "MAC_ADDRESS": "mac",
    "IP_ADDRESS": "ip",
    "US_SSN": "national_id",
    "US_ITIN": "national_id",
    "US_PASSPORT": "national_id",
    "US_DRIVER_LICENSE": "national_id",
    "UK_NHS": "national_id",
    "UK_NINO": "national_id",
    "ES_NIF": "national_id",
    "ES_NIE": "national_id",
    "IT_FISCAL_CODE": "national_id",
    "IT_IDENTITY_CARD": "national_id",
    "IT_PASSPORT": "national_id",
    "IT_VAT_CODE": "vat",
    "DATE_TIME": "date",
    "PHONE_NUMBER": "phone",
    "PERSON": "name",
}
"""What Presidio finds, and of which of our kinds it is; all else that it finds is of none, and is left."""
SCORE_MIN = 0.4
"""Below it Presidio itself has seen a form and nothing that speaks for it: of numbers, most are something else."""

Beside = Callable[[Rules], Finds]
"""Makes what finds beside our own rules, by the same rules."""


class NotInstalled(ImportError):
    """The extra, or the model that was named, is not there; the reason is a sentence with a cure."""


def presidio(language: str = "en", model: str = "") -> Beside:
    """Return what makes Presidio's finders; its engine is made once, which takes some seconds.

    Args:
        language: whose recognisers are used, by its ISO 639-1 code.
        model: a package of spaCy's, such as `en_core_web_sm`: with it names of persons are found in running text. It
            must be installed; without one, names are those of the list alone.

    Raises:
        NotInstalled: the extra or the model is not there.
    """
    engine = _engine(language, model)
    known = set(engine.get_supported_entities(language=language))

    def finder(rules: Rules) -> Finds:
        return PresidioFinder(engine, language, known, rules)

    return finder


class PresidioFinder:
    """Finds as Presidio does, in our words.

    Args:
        engine: Presidio's.
        language: in which texts are taken to be.
        known: entities that it can find.
        rules: what is looked for.
    """

    def __init__(self, engine: Any, language: str, known: set[str], rules: Rules) -> None:
        self._engine = engine
        self._language = language
        self._rules = rules
        self._entities = sorted(text for text, kind in ENTITIES.items() if kind in rules.kinds and text in known)
        # By these the same value, however it is written, is one; and the same as where our own rules find it.
        kinds = {ENTITIES[entity] for entity in self._entities}
        self._own = {kind: Finder(Rules(frozenset({kind}), regions=rules.regions)) for kind in kinds}

    def find(self, text: str) -> list[Found]:
        """Return what was found, in order, without overlaps."""
        if not self._entities or not text:
            return []
        found = self._engine.analyze(text, self._language, entities=self._entities, score_threshold=SCORE_MIN)
        surest = sorted(found, key=lambda entry: (-entry.score, entry.start))
        return merged(self._found(text, ENTITIES[entry.entity_type], entry.start, entry.end) for entry in surest)

    def _found(self, text: str, kind: str, start: int, end: int) -> Found:
        wording = text[start:end]
        if kind == "name":
            return Found(start, end, kind, hashed(self._rules.names_key, wording))
        whole = [found for found in self._own[kind].find(wording) if (found.start, found.end) == (0, len(wording))]
        return Found(start, end, kind, whole[0].value if whole else plain(wording))


def plain(text: str) -> str:
    """Return a value that our own rules do not know, without separators and case.

    >>> plain("AB 12-34")
    'ab1234'
    """
    return "".join(character for character in text.casefold() if character.isalnum())


def _engine(language: str, model: str) -> Any:
    try:
        import spacy  # noqa: PLC0415 - an extra, which is loaded where it is asked for
        import tldextract.tldextract as suffixes  # noqa: PLC0415 - likewise
        from presidio_analyzer import AnalyzerEngine, RecognizerRegistry  # noqa: PLC0415 - likewise
        from presidio_analyzer.nlp_engine import SpacyNlpEngine  # noqa: PLC0415 - likewise
    except ImportError as missing:
        raise NotInstalled(f"{missing.name} is not installed; pip install 'concord[presidio]'") from missing
    suffixes.TLD_EXTRACTOR = suffixes.TLDExtract(suffix_list_urls=(), cache_dir=None)
    if model and not spacy.util.is_package(model):
        raise NotInstalled(f"there is no package {model}; install it, for Presidio would fetch it while it runs")

    class Engine(SpacyNlpEngine):  # type: ignore[misc]  # of a package without types
        """Presidio's engine over a model that is there already."""

        def load(self) -> None:
            """Take the model, or a blank one, which knows words and nothing of them."""
            self.nlp = {language: spacy.load(model) if model else spacy.blank(language)}

    engine = Engine(models=[{"lang_code": language, "model_name": model or "blank"}])
    engine.load()
    registry = RecognizerRegistry(supported_languages=[language])
    registry.load_predefined_recognizers(languages=[language])
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=[language])
