"""Two who want the same thing at once get it once: browsers' tests run side by side, also where none is installed."""

import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deploy.local import chromium, debian, prometheus

ASKING = 4


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Where packages were unpacked, on a system that has none; that takes a moment, and puts the old away first."""
    folders: list[Path] = []

    def unpack(packages: Sequence[str], folder: Path, cure: str) -> None:
        del packages, cure
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(0.05)
        for path in (folder / "usr/lib/chromium/chromium", folder / "usr/bin/prometheus", folder / "usr/bin/promtool"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o755)
        folders.append(folder)

    which = shutil.which
    monkeypatch.setattr(debian, "unpack", unpack)
    monkeypatch.setattr(shutil, "which", lambda name, path=None: which(name, path=path or str(tmp_path)))
    monkeypatch.setattr(chromium, "_UNPACKED", tmp_path / "chromium")
    monkeypatch.setattr(chromium, "_PROGRAM", tmp_path / "chromium/usr/lib/chromium/chromium")
    monkeypatch.setattr(prometheus, "_UNPACKED", tmp_path / "prometheus")
    return folders


def test_a_browser_that_several_ask_for_at_once_is_fetched_once(fetched: list[Path], tmp_path: Path) -> None:
    with ThreadPoolExecutor(ASKING) as pool:
        found = list(pool.map(lambda _: chromium.ensure(), range(ASKING)))
    assert {entry.program for entry in found} == {tmp_path / "chromium/usr/lib/chromium/chromium"}
    assert fetched == [tmp_path / "chromium"]


def test_a_prometheus_that_several_ask_for_at_once_is_fetched_once(fetched: list[Path], tmp_path: Path) -> None:
    with ThreadPoolExecutor(ASKING) as pool:
        found = list(pool.map(lambda _: prometheus.ensure(), range(ASKING)))
    assert set(found) == {tmp_path / "prometheus/prometheus/usr/bin"}
    assert fetched == [tmp_path / "prometheus/prometheus"]
