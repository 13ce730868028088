"""The bill of materials names all that is locked, and nothing else."""

import re

from deploy.sbom import LOCK, bill


def test_every_locked_package_is_in_the_bill_with_its_hashes() -> None:
    lock = LOCK.read_text()
    locked = dict(re.findall(r"(?m)^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;]+)", lock))
    components = bill(lock)["components"]
    assert {component["name"]: component["version"] for component in components} == locked
    assert len(locked) > 20
    named = [digest["content"] for component in components for digest in component["externalReferences"][0]["hashes"]]
    assert sorted(named) == sorted(re.findall(r"--hash=sha256:([0-9a-f]{64})", lock))
    assert all(
        component["purl"] == component["bom-ref"] and component["purl"].startswith("pkg:pypi/")
        for component in components
    )
    assert sum("licenses" in component for component in components) > len(components) / 2


def test_an_extra_and_a_marker_are_no_part_of_a_name_or_version() -> None:
    lock = f"uvicorn[standard]==1.2 ; python_version >= '3.11' \\\n    --hash=sha256:{'a' * 64}\n"
    (only,) = bill(lock)["components"]
    assert (only["name"], only["version"], only["purl"]) == ("uvicorn", "1.2", "pkg:pypi/uvicorn@1.2")
