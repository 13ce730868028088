"""What an operator sees of files of certificates: when they end, and that one cannot be used."""

import logging
import time
from pathlib import Path

import pytest

from concord.chassis.certificate_watch import ENDS, REFUSED, CertificateWatch, files_of
from concord.chassis.settings import AUTHORITY, CERTIFICATE, KafkaSettings, MongodbSettings, Secret
from concord.chassis.telemetry import Telemetry
from tests.support.certificates import certificate, put

DAY = 86_400
LABELS = {"dependency": "store", "file": AUTHORITY}


def pem(folder: Path, name: str, days: int) -> bytes:
    (folder / name).mkdir()
    certificate(folder / name, name, days=days)
    return (folder / name / "certificate.pem").read_bytes()


class Watched:
    """A file that is looked at, and what is shown of it."""

    def __init__(self, path: Path, what: str = AUTHORITY) -> None:
        self.telemetry = Telemetry("assign")
        self.watch = CertificateWatch(files_of(store={what: path}), self.telemetry)
        self.labels = {**LABELS, "file": what}

    async def shown(self, name: str) -> float | None:
        await self.watch.look()
        return self.telemetry.registry.get_sample_value(name, self.labels)

    async def days_left(self) -> int:
        ends = await self.shown(ENDS)
        assert ends is not None
        return round((ends - time.time()) / DAY)


async def test_an_authority_ends_with_the_last_of_its_file_and_who_we_are_with_the_first(tmp_path: Path) -> None:
    old, new = pem(tmp_path, "old", 3), pem(tmp_path, "new", 300)
    file = tmp_path / "file.pem"
    put(old, file)
    authority, own = Watched(file), Watched(file, CERTIFICATE)
    assert await authority.days_left() == 3
    put(old + new, file)  # while it is renewed
    assert await authority.days_left() == 300
    assert await own.days_left() == 3


async def test_a_file_that_cannot_be_used_is_shown_and_said_once_until_it_is_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good, file = pem(tmp_path, "good", 30), tmp_path / "file.pem"
    put(good, file)
    watched = Watched(file)
    assert await watched.shown(REFUSED) == 0
    with caplog.at_level(logging.ERROR):
        for text in (b"", b"no certificate", None):
            if text is None:
                file.unlink()
            else:
                put(text, file)
            assert await watched.shown(REFUSED) == 1
            assert await watched.shown(REFUSED) == 1
            assert await watched.days_left() == 30, "what it held before is what connections go by"
    assert len(caplog.messages) == len(set(caplog.messages))
    assert all(str(file) in line for line in caplog.messages)
    put(good, file)
    assert await watched.shown(REFUSED) == 0


def test_the_files_are_those_that_the_settings_name(tmp_path: Path) -> None:
    uri = f"mongodb://store.example.org/?TLS=true&tlsCAFile={tmp_path}/CA.crt&tlscertificatekeyfile={tmp_path}/own.pem"
    assert MongodbSettings(uri=Secret(uri)).files == {AUTHORITY: tmp_path / "CA.crt", CERTIFICATE: tmp_path / "own.pem"}
    assert MongodbSettings(uri=Secret("mongodb://store.example.org/?tls=true")).files == {}
    ca_file = tmp_path / "ca.crt"
    assert KafkaSettings(bootstrap="k:9093", security="SASL_SSL", ca_file=ca_file).files == {AUTHORITY: ca_file}
    assert KafkaSettings(bootstrap="k:9093", security="PLAINTEXT", ca_file=ca_file).files == {}
