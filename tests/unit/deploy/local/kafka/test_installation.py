import hashlib
from pathlib import Path

import pytest

from deploy.local.kafka import installation
from deploy.local.ports import Ports
from deploy.local.terminal import StepFailed


@pytest.fixture
def jars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two jars and a lock that names them."""
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "a.jar").write_bytes(b"a")
    (folder / "b.jar").write_bytes(b"b")
    monkeypatch.setattr(installation, "_CHECKSUMS", tmp_path / "jars.sha256")
    installation.lock(folder)
    return folder


def test_the_lock_holds_a_digest_and_a_name_a_line(jars: Path) -> None:
    first = (jars.parent / "jars.sha256").read_text().splitlines()[0]
    assert first == f"{hashlib.sha256(b'a').hexdigest()}  a.jar"
    installation.verify(jars)


@pytest.mark.parametrize(("name", "content"), [("a.jar", b"tampered"), ("c.jar", b"stowaway"), ("b.jar", None)])
def test_a_jar_that_is_changed_added_or_missing_is_refused_by_name(
    jars: Path, name: str, content: bytes | None
) -> None:
    if content is None:
        (jars / name).unlink()
    else:
        (jars / name).write_bytes(content)
    with pytest.raises(StepFailed, match=f"{name}: not as jars.sha256 says"):
        installation.verify(jars)


def test_every_jar_of_the_lock_stands_once_and_the_broker_is_the_version_of_the_pom() -> None:
    here = Path(installation.__file__).parent
    names = [line.split()[1] for line in (here / "jars.sha256").read_text().splitlines()]
    assert len(set(names)) == len(names)
    assert "kafka_2.13-4.3.1.jar" in names
    assert "<version>4.3.1</version>" in (here / "pom.xml").read_text()


def test_a_new_stack_copies_the_formatted_folder_and_an_old_one_keeps_its_data(tmp_path: Path) -> None:
    formatted = tmp_path / "kafka" / "formatted"
    formatted.mkdir(parents=True)
    (formatted / "meta.properties").write_text("fresh")
    broker, ports = installation.Installation(tmp_path / "kafka"), Ports.free()
    settings = broker.prepare(tmp_path / "data", ports)
    log = tmp_path / "data" / "log"
    assert (log / "meta.properties").read_text() == "fresh"
    lines = settings.read_text().splitlines()
    assert f"listeners=PLAINTEXT://127.0.0.1:{ports.kafka},CONTROLLER://127.0.0.1:{ports.kafka_controller}" in lines
    assert f"log.dirs={log}" in lines
    assert "$" not in settings.read_text()
    (log / "meta.properties").write_text("used")
    broker.prepare(tmp_path / "data", ports)
    assert (log / "meta.properties").read_text() == "used"


def test_an_installation_is_done_only_for_its_own_place_and_java(tmp_path: Path) -> None:
    assert not installation.Installation(tmp_path).is_done()
    (tmp_path / "installed").write_text("something else")
    assert not installation.Installation(tmp_path).is_done()
