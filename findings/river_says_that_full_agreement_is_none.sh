#!/usr/bin/env bash
# Seen with river 0.21.1: the streaming CohenKappa of two annotators who have agreed on everything, all of one class so far,
# is 0.0, the figure for agreement by chance alone. Chance explains all of it there and the ratio is 0/0: undefined, as
# scikit-learn 1.5.2 says of the same labels (nan). A stream that begins with its common class so shows no agreement
# until the first of another class comes, and then jumps to 1.0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet river==0.21.1 scikit-learn==1.5.2 "numpy==1.26.4"
"$folder/environment/bin/python" -W ignore - <<'PYTHON'
import math

from river import metrics
from sklearn.metrics import cohen_kappa_score

kappa, seen = metrics.CohenKappa(), []
labels = ["fine"] * 20 + ["broken"]
for label in labels:
    kappa.update(label, label)
    seen.append(kappa.get())
beside = cohen_kappa_score(labels[:20], labels[:20])
print(f"after 20 that agree: {seen[19]}, scikit-learn: {beside}; after one more of another class: {seen[20]}")
assert seen[:20] == [0.0] * 20 and seen[20] == 1.0, seen
assert math.isnan(beside), beside
PYTHON
