#!/usr/bin/env bash
# Seen with webvtt-py 0.6.0: Caption.text is without tags, as plain text, and yet still escaped: "R&amp;D &lt;3". save_as_srt
# writes these escapes into an SRT file, which has none: a player shows "R&amp;D", and srt 3.5.3 reads just that. One
# would have guessed that what takes tags away also undoes the escapes which stand there because of tags.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet webvtt-py==0.6.0 srt==3.5.3
"$folder/environment/bin/python" - "$folder" <<'PYTHON'
import sys
from pathlib import Path

import srt
import webvtt

path = Path(sys.argv[1]) / "talk.vtt"
path.write_text("WEBVTT\n\n00:00.000 --> 00:02.000\n<b>R&amp;D</b> &lt;3\n")
captions = webvtt.read(str(path))
captions.save_as_srt(str(path.with_suffix(".srt")))
text = captions[0].text
(after,) = srt.parse(path.with_suffix(".srt").read_text())
print(f"text: {text!r}, in SRT: {after.content!r}")
assert text == after.content == "R&amp;D &lt;3", (text, after.content)
PYTHON
