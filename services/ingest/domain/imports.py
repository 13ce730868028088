"""Imports: a large file that is sent in as many requests as it takes, each going on where the last one was read to."""

import msgspec

CHECKPOINT_LINES = 5_000
"""Lines after which is noted how far a file was read: at most so many are read again."""
NAME_CHARACTERS_MAX = 200
RESUMABLE = ("units", "csv", "sagemaker")
"""Formats that can be read on from the end of any record."""


class ImportWish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that a client is about to send.

    Attributes:
        name: the client's own; asked for again, the import is the same.
        format: units (a line of JSON each), csv or sagemaker.
        id, content, gold, suggestion, media_type, base_uri: as the parameters of the units' route.
    """

    name: str
    format: str = "units"
    id: str = ""
    content: str = ""
    gold: str = ""
    suggestion: str = ""
    media_type: str = ""
    base_uri: str = ""


class Line(msgspec.Struct, frozen=True):
    """A line of which something is to be told: the field, what is wrong, and the cure."""

    line: int
    field: str
    problem: str
    cure: str


class Progress(msgspec.Struct, frozen=True):
    """How far a file was read, and what became of its units.

    Attributes:
        number: counts what was noted of the import, from 0: its insert is the lock.
        offset: bytes of the file, unpacked, that were read: to the end of a record.
        line: the line that ends there.
        header: the columns' names, for a format that has them in its first line alone, and the delimiter before them.
        refused, cautions: those that were not told of before; up to a bound over the whole import.
        complete: whether all of the file was read.
    """

    number: int = 0
    offset: int = 0
    line: int = 0
    header: tuple[str, ...] = ()
    admitted: int = 0
    repeated: int = 0
    duplicate_of: int = 0
    left_out: int = 0
    refused_count: int = 0
    caution_count: int = 0
    refused: tuple[Line, ...] = ()
    cautions: tuple[Line, ...] = ()
    complete: bool = False

    @property
    def taken(self) -> int:
        """Units of the file that something became of, be it that they were there before."""
        return self.admitted + self.repeated + self.duplicate_of + self.left_out


class Import(msgspec.Struct, frozen=True):
    """An import as it stands: `progress` is the newest, with all that was refused so far."""

    import_id: str
    project_id: str
    wish: ImportWish
    progress: Progress
