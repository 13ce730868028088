"""What is in the image, as a CycloneDX bill of materials on standard output: `python -m deploy.sbom`.

It follows from the lock file that the image is installed by, so it is known before there is an image, and is the same
whenever it is written. Source: CycloneDX 1.6, https://cyclonedx.org/docs/1.6/json/.
"""

import importlib.metadata
import json
import re
import sys
from pathlib import Path
from typing import Any

LOCK = Path(__file__).resolve().parents[1] / "requirements" / "run.txt"
_LOCKED = re.compile(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)((?:[^\n]*\\\n\s+--hash=sha256:[0-9a-f]{64})+)")
_HASH = re.compile(r"sha256:([0-9a-f]{64})")


def bill(lock: str) -> dict[str, Any]:
    """Return the bill of what a lock file names: each package by its purl, with the hashes of what may be installed.

    A package's licence is what the installed one says of itself; none where it is not installed or says nothing.
    """
    version = importlib.metadata.version("concord")
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "name": "concord", "version": version, "bom-ref": f"concord@{version}"}
        },
        "components": [_component(*found) for found in _LOCKED.findall(lock)],
    }


def _component(name: str, version: str, hashes: str) -> dict[str, Any]:
    purl = f"pkg:pypi/{re.sub(r'[-_.]+', '-', name).lower()}@{version}"
    wheels = [{"alg": "SHA-256", "content": digest} for digest in _HASH.findall(hashes)]
    component: dict[str, Any] = {
        "type": "library",
        "name": name,
        "version": version,
        "bom-ref": purl,
        "purl": purl,
        "externalReferences": [{"type": "distribution", "url": purl, "hashes": wheels}],
    }
    if licence := _licence(name):
        component["licenses"] = [{"license": {"name": licence}}]
    return component


def _licence(name: str) -> str:
    try:
        known = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    text = next((known[field] for field in ("License-Expression", "License") if field in known), "")
    return text.strip().partition("\n")[0]


if __name__ == "__main__":
    json.dump(bill(LOCK.read_text()), sys.stdout, indent=2)
    sys.stdout.write("\n")
