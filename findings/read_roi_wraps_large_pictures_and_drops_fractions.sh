#!/usr/bin/env bash
# Seen with read-roi 1.6.0 and roifile 2026.2.10: an ImageJ region drawn on a slide wider than 65,535 pixels carries its
# points as floats beside the 16-bit integers, which cannot hold them. roifile reads the floats; read-roi reads the
# integers alone, so a corner at x = 70000 is at 4464, and one at 10.5, 20.25 is at whole pixels. Neither warns: the same
# file is another region by which of the two reads it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet read-roi==1.6.0 roifile==2026.2.10 numpy==2.4.6
"$folder/environment/bin/python" - "$folder" <<'PYTHON'
import sys

import read_roi
import roifile

path = f"{sys.argv[1]}/region.roi"
drawn = [[10.5, 20.25], [70000.0, 20.25], [10.5, 40.0]]
roifile.ImagejRoi.frompoints(drawn, name="region").tofile(path)
whole = roifile.ImagejRoi.fromfile(path).coordinates().tolist()
(region,) = read_roi.read_roi_file(path).values()
seen = list(zip(region["x"], region["y"], strict=True))
print(f"roifile: {whole}, read-roi: {seen}")
assert whole == drawn, whole
assert seen == [(10, 20), (4464, 20), (10, 40)], seen
PYTHON
