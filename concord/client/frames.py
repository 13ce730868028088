"""Exports as the tools of those who train have them: a pandas frame, a Hugging Face dataset; both are extras."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

CURE = "pip install 'concord[{0}]'"


class NotInstalled(ImportError):
    """The library that this needs is not there; the message is the cure."""


def to_pandas(files: Sequence[Path | str]) -> Any:
    """Return the rows of an export in Parquet as one pandas frame, each label in a column of its own type.

    Raises:
        NotInstalled: pandas is not there.
    """
    try:
        import pandas  # noqa: PLC0415 - an extra, by its whole name
    except ImportError as missing:
        raise NotInstalled(f"pandas is not installed; {CURE.format('pandas')}") from missing
    return pandas.concat([pandas.read_parquet(file) for file in files], ignore_index=True)


def to_datasets(folder: Path | str, *, cache: Path | str | None = None) -> Any:
    """Return an export in the format `datasets` as a Hugging Face dataset: classes are a ClassLabel with their names.

    Args:
        folder: of the export.
        cache: where the library keeps what it made of it; where it always does if None.

    Raises:
        NotInstalled: datasets is not there.
    """
    try:
        import datasets  # noqa: PLC0415 - an extra
    except ImportError as missing:
        raise NotInstalled(f"datasets is not installed; {CURE.format('datasets')}") from missing
    return datasets.load_dataset(str(folder), split="train", cache_dir=None if cache is None else str(cache))
