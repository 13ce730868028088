#!/usr/bin/env bash
# Seen with bioc 2.1: a relation of a PubTator file has an optional last column that says how it is negated. One without is
# read with None, and written with the word "None" in that column; read again it has a negation, the text "None", which is
# true wherever it is asked about. Entities gain an empty column likewise.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet bioc==2.1
"$folder/environment/bin/python" - <<'PYTHON'
from bioc import pubtator

text = "7|t|Aspirin and headache\n7|a|It helps.\n7\t0\t7\tAspirin\tChemical\tD1\n7\tCID\tD1\tD2\n\n"
read = pubtator.loads(text)
written = pubtator.dumps(read)
again = pubtator.loads(written + "\n")
seen = [document.relations[0].neg for (document,) in (read, again)]
print(f"{text!r} -> {written!r}: {seen}")
assert seen == [None, "None"], seen
assert written.endswith("7\tCID\tD1\tD2\tNone\n"), written
PYTHON
