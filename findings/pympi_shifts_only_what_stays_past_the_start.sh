#!/usr/bin/env bash
# Seen with pympi-ling 1.71: Eaf.shift_annotations with a negative time moves every annotation of an ELAN document to the
# left, but one that would begin before zero only loses its beginning: its end stays where it was. Of 0-1000 and
# 1000-2000 ms, moved by -500, come 0-1000 and 500-1500, which overlap on one tier, where ELAN has none. One would have
# guessed 0-500: "squashed", as its documentation says.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet pympi-ling==1.71
"$folder/environment/bin/python" - <<'PYTHON'
import pympi

document = pympi.Elan.Eaf(author="nobody")
document.add_tier("words")
document.add_annotation("words", 0, 1000, "first")
document.add_annotation("words", 1000, 2000, "second")
document.shift_annotations(-500)
seen = sorted(document.get_annotation_data_for_tier("words"))
print(seen)
assert seen == [(0, 1000, "first"), (500, 1500, "second")], seen
PYTHON
