#!/usr/bin/env bash
# Seen with PyYAML 6.0.4: `safe_load` refuses a document in which a plain scalar is `=`, as kustomize and other writers of
# Go's YAML put the kind of an Alertmanager matcher (`matchType: =`). Its resolver knows YAML 1.1's tag for the default
# value of a mapping, and its safe constructor has nothing for it. One would have guessed that what is resolved can be
# made. A constructor for tag:yaml.org,2002:value that takes the scalar for text cures it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet pyyaml==6.0.4
"$folder/environment/bin/python" - <<'PYTHON'
import yaml

text = "name: severity\nmatchType: =\nvalue: page\n"
try:
    yaml.safe_load(text)
except yaml.constructor.ConstructorError as fault:
    print("safe_load:", str(fault).splitlines()[0])
else:
    raise SystemExit("it loads now")
yaml.SafeLoader.add_constructor("tag:yaml.org,2002:value", lambda loader, node: loader.construct_scalar(node))
assert yaml.safe_load(text) == {"name": "severity", "matchType": "=", "value": "page"}
print("with a constructor for the tag:", yaml.safe_load(text))
PYTHON
