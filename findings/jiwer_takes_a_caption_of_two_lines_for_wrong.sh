#!/usr/bin/env bash
# Seen with jiwer 4.0.0 and webvtt-py 0.6.0: captions stand on two lines, and webvtt-py gives their text with the line break.
# jiwer's default transformation parts words at spaces alone, so the last word of the first line and the first of the
# second are one word: against the same words on one line the word error rate of a correct transcript is .5. More blanks
# in a row and those at the ends are taken away by the same default, so one would have guessed all white space.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet jiwer==4.0.0 webvtt-py==0.6.0
"$folder/environment/bin/python" - "$folder" <<'PYTHON'
import sys
from pathlib import Path

import jiwer
import webvtt

path = Path(sys.argv[1]) / "talk.vtt"
path.write_text("WEBVTT\n\n00:00.000 --> 00:02.000\nthe cat\nsat down\n")
(caption,) = webvtt.read(str(path))
broken, blanks = (jiwer.wer("the cat sat down", text) for text in (caption.text, " the  cat sat   down "))
print(f"{caption.text!r}: {broken}; more blanks than one: {blanks}")
assert caption.text == "the cat\nsat down", caption.text
assert (broken, blanks) == (0.5, 0.0), (broken, blanks)
PYTHON
