import os
import socket

import pytest

from deploy.local import doctor
from deploy.local.ports import Ports


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('openjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_292"', 8),
        ("Error: no such thing", None),
        ("", None),
    ],
)
def test_the_java_release_is_read_from_what_java_prints(text: str, version: int | None) -> None:
    assert doctor.java_version(text) == version


def test_an_old_java_and_no_maven_are_told_with_how_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_answer", lambda *argv: 'version "11.0.2"' if argv[0] == "java" else "")
    lines = [str(finding) for finding in doctor.missing(own_broker=True)]
    assert len(lines) == 2
    assert lines[0].startswith("missing  Java >= 17")
    assert lines[0].endswith("11; apt-get install -y default-jre-headless")
    assert lines[1].endswith("no mvn on the path; apt-get install -y maven")
    assert doctor.missing(own_broker=False) == []


def test_a_held_port_is_told_with_its_holder_and_a_free_one_with_its_purpose() -> None:
    free = Ports.free()
    with socket.create_server(("127.0.0.1", free.audit)):
        by_name = {finding.what: finding for finding in doctor.everything(free)}
        assert f"held by process {os.getpid()}" in by_name[f"port {free.audit}"].seen
        assert "CONCORD_PORT_OFFSET" in by_name[f"port {free.audit}"].cure
        assert by_name[f"port {free.ingest}"].seen == "free for ingest"
        assert by_name[f"port {free.ingest}"].cure == ""
