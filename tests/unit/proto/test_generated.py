"""The contracts' code is what `proto/` generates, and a difference is named."""

from pathlib import Path

import pytest

from proto import __main__ as generator


def test_the_committed_code_is_what_the_proto_files_generate(capsys: pytest.CaptureFixture[str]) -> None:
    assert generator.main(["--check"]) == 0, capsys.readouterr().out


def test_a_stale_a_missing_and_a_left_over_file_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, fresh = tmp_path / "project", tmp_path / "fresh"
    for tree, texts in ((project, {"a": "1", "b": "old", "d": "4"}), (fresh, {"a": "1", "b": "new", "c": "3"})):
        (tree / generator.GENERATED).mkdir(parents=True)
        for name, text in texts.items():
            (tree / generator.GENERATED / f"{name}_pb2.py").write_text(text)
    monkeypatch.setattr(generator, "ROOT", project)
    assert generator.differences(fresh) == ["b_pb2.py", "c_pb2.py", "d_pb2.py"]


def test_anything_else_than_check_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert generator.main(["--chekc"]) == 2
    assert "usage" in capsys.readouterr().err
