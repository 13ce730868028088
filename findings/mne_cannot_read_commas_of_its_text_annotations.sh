#!/usr/bin/env bash
# Seen with mne 1.13.2: Annotations.save writes a description with a comma whole to -annot.csv, quoted, and whole but
# unquoted to -annot.txt, whose columns are parted by commas, too. Saving says nothing; the text file is refused when it is
# read again, with a complaint of its header, so that the annotations of a recording cannot be had back from it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet mne==1.13.2 pandas==2.3.3
cd "$folder"
"$folder/environment/bin/python" -W ignore - <<'PYTHON'
import mne

descriptions = ["eyes closed, at rest", "eyes open, at rest"]
annotations = mne.Annotations([0.0, 60.0], [60.0, 60.0], descriptions)
seen = {}
for name in ("rest-annot.csv", "rest-annot.txt"):
    annotations.save(name)
    try:
        seen[name] = [str(entry["description"]) for entry in mne.read_annotations(name)]
    except ValueError as error:
        seen[name] = str(error)
    print(f"{name}: {seen[name]}")
assert seen["rest-annot.csv"] == descriptions, seen
assert "only allowed value is 3, but got 4" in seen["rest-annot.txt"], seen
PYTHON
