#!/usr/bin/env bash
# Seen with conllu 6.0.0: in MISC and FEATS a value that holds an equals sign itself is cut there. Glosses have one where
# a clitic joins (Leipzig rules): `Gloss=be=PST` is read as `be`, and what is read and written again has lost the rest
# of the annotation. Nothing is raised or warned. One would have guessed that the first sign parts name and value.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet conllu==6.0.0
"$folder/environment/bin/python" - <<'PYTHON'
import conllu

row = ["1", "wasn't", "be", "AUX", "_", "_", "0", "root", "_", "Gloss=be=PST=NEG|SpaceAfter=No"]
(sentence,) = conllu.parse("\t".join(row) + "\n\n")
written = sentence.serialize().split()[-1]
print(f"{row[-1]} -> {sentence[0]['misc']} -> {written}")
assert sentence[0]["misc"] == {"Gloss": "be", "SpaceAfter": "No"}, sentence[0]["misc"]
assert written == "Gloss=be|SpaceAfter=No", written
PYTHON
