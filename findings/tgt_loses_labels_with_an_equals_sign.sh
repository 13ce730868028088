#!/usr/bin/env bash
# Seen with tgt 1.5 (numpy 1.26.4): a label of an interval that holds " = " is written whole to a Praat TextGrid in the long format, and
# is gone when the same library reads that file: "a = b" comes back as no interval at all, "tone = high" as "ton". The
# same labels go through the short format whole, and Praat's format quotes labels, so that they may hold anything.
# Neither writing nor reading says a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet tgt==1.5 numpy==1.26.4
"$folder/environment/bin/python" - "$folder" <<'PYTHON'
import sys
from pathlib import Path

import tgt

path = str(Path(sys.argv[1]) / "labels.TextGrid")
labels = ["a = b", "tone = high", "plain"]
seen = {}
for layout in ("short", "long"):
    tier = tgt.IntervalTier(0, len(labels), "words")
    tier.add_intervals([tgt.Interval(start, start + 1, label) for start, label in enumerate(labels)])
    grid = tgt.TextGrid()
    grid.add_tier(tier)
    tgt.write_to_file(grid, path, format=layout)
    assert all(f'"{label}"' in Path(path).read_text() for label in labels), "what is written is whole"
    seen[layout] = [interval.text for interval in tgt.read_textgrid(path).tiers[0].intervals]
    print(f"{layout}: {seen[layout]}")
assert seen == {"short": labels, "long": ["ton", "plain"]}, seen
PYTHON
