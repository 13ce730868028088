#!/usr/bin/env bash
# Seen with datasets 5.0.1 and pyarrow 22.0.0: a Parquet file tells, in its `huggingface` schema metadata, that an
# integer column is a ClassLabel with names. Written with a nullable field, the file is read back with the ClassLabel;
# with the same data and metadata in a field that Parquet calls required (nullable=False), the class names are gone and
# the column is a plain Value("int64"). No warning is given. One would have guessed that a column without nulls,
# declared as such, is the same data set.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet datasets==5.0.1 pyarrow==22.0.0
HF_HUB_OFFLINE=1 "$folder/environment/bin/python" - "$folder" <<'PYTHON'
import json
import sys
from pathlib import Path

import datasets
import pyarrow
import pyarrow.parquet

folder = Path(sys.argv[1])
features = {"verdict": {"names": ["wrong", "right"], "_type": "ClassLabel"}}
told = {b"huggingface": json.dumps({"info": {"features": features}}).encode()}
seen = {}
for nullable in (True, False):
    schema = pyarrow.schema([pyarrow.field("verdict", pyarrow.int64(), nullable=nullable)], metadata=told)
    path = folder / f"{nullable}.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"verdict": [0, 1, 1]}, schema=schema), path)
    found = datasets.load_dataset("parquet", data_files=str(path), split="train", cache_dir=str(folder / "cache"))
    seen[nullable] = type(found.features["verdict"]).__name__
    print(f"nullable={nullable}: {found.features['verdict']}")
assert seen == {True: "ClassLabel", False: "Value"}, seen
PYTHON
