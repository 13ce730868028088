"""How much of the made-up corpus is found, and where nothing is, by our rules and with Presidio beside them.

    python -m tests.unit.concord.privacy.measured [--presidio] [--model en_core_web_sm]

It takes the corpus of `test_recall`. Of each kind: the least share over the locales that is covered whole; then the
harmless sentences in which something is found, of all; and the CPU that a sentence takes.
"""

import argparse
import sys
import time
from collections import defaultdict
from collections.abc import Callable

from concord.privacy.finding import Finder, Finds, Rules, Together
from concord.privacy.presidio import presidio
from tests.unit.concord.privacy.corpus import LOCALES, PEOPLE, STRUCTURED, harmless, planted


def measure(make: Callable[[Rules], Finds]) -> tuple[dict[str, float], int, float]:
    """Return the least recall by kind, harmless sentences with a find, and milliseconds of CPU a sentence."""
    seen: dict[str, list[float]] = defaultdict(list)
    wrong, sentences, begun = 0, 0, time.process_time()
    for locale, region in LOCALES.items():
        finder = make(Rules(frozenset(STRUCTURED), regions=(region,)))
        right: dict[str, int] = defaultdict(int)
        for entry in planted(locale):
            covered = {place for found in finder.find(entry.text) for place in range(found.start, found.end)}
            wanted = {place for place in range(entry.start, entry.end) if entry.text[place].isalnum()}
            right[entry.kind] += wanted <= covered
            sentences += 1
        for text in harmless(locale):
            wrong += bool(finder.find(text))
            sentences += 1
        for kind in STRUCTURED:
            seen[kind].append(right[kind] / PEOPLE)
    took = time.process_time() - begun
    return {kind: min(shares) for kind, shares in seen.items()}, wrong, 1_000 * took / sentences


def main() -> None:
    """Print the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--presidio", action="store_true")
    arguments.add_argument("--model", default="")
    namespace = arguments.parse_args()
    ways: dict[str, Callable[[Rules], Finds]] = {"ours": Finder}
    if namespace.presidio:
        beside = presidio("en", namespace.model)
        ways["presidio alone"] = beside
        ways["ours and presidio"] = lambda rules: Together(Finder(rules), beside(rules))
    sys.stdout.write(f"| finder | {' | '.join(STRUCTURED)} | harmless with a find | ms of CPU a sentence |\n")
    sys.stdout.write(f"|---|{'---|' * (len(STRUCTURED) + 2)}\n")
    for name, make in ways.items():
        recall, wrong, milliseconds = measure(make)
        shares = " | ".join(f"{recall[kind]:.3f}" for kind in STRUCTURED)
        sys.stdout.write(f"| {name} | {shares} | {wrong} of {len(LOCALES) * PEOPLE} | {milliseconds:.2f} |\n")


if __name__ == "__main__":
    main()
