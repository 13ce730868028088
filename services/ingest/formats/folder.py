"""A folder as Hugging Face's folder builders read it, packed as zip: files, and `metadata.jsonl` or `metadata.csv`.

A text file is a unit that shows its text. Of any other file its name alone is read: Concord keeps no images, so
`base_uri` says where the folder can be seen by those who label. A unit is named by its file's path in the folder.
With metadata the files are those that it names, in its order; without, all that there are, by path. The known label is
a column of the metadata, or with `gold=folder` the name of the folder that a file is in.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from mimetypes import guess_type
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import msgspec

from concord.chassis.csv_records import CsvRecords, listed, refused
from concord.chassis.errors import BadRequest, ConcordError, Invalid
from concord.chassis.http import decode_line
from services.ingest.domain.admission import CONTENT_BYTES_MAX, Suggestion, UnitWish
from services.ingest.domain.staffing import Caution
from services.ingest.formats.lines import Lines
from services.ingest.formats.rows import ATTRIBUTES, UNREADABLE, Options, Row, attribute, label_from, sized

FILES_MAX = 200_000
ENTRIES_MAX = 300_000
"""Of a packed folder, with the folders in it and what a Mac puts beside each file: each takes half a kilobyte before
anything is read, and 50 bytes in what is sent."""
METADATA_BYTES_MAX = 200_000_000
CHUNK_BYTES = 65_536
FOLDER = "folder"
FILE_NAME = "file_name"
_METADATA = ("metadata.jsonl", "metadata.csv")
_RECORD = msgspec.json.Decoder(dict[str, Any])
UNPACKING = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError)
"""What Python's zipfile raises on a packed file that is damaged, has a password or is packed in another way."""
_TEXTS = (".txt", ".md")


def rows(path: Path, options: Options) -> Iterator[Row]:
    """Yield the units of a packed folder.

    Raises:
        Invalid: it is no zip file, or has too many files.
    """
    try:
        archive = _Archive(path)
    except _TooMany as fault:
        raise refused("body", f"has over {ENTRIES_MAX} entries", f"send at most {FILES_MAX} files at once") from fault
    except (*UNPACKING, *UNREADABLE, struct.error) as fault:
        raise refused("body", "is no zip file", "pack the folder by `zip -r folder.zip folder`") from fault
    with archive:
        files = {
            zip_info.filename: zip_info
            for zip_info in archive.infolist()
            if zip_info.filename and not zip_info.is_dir() and not _hidden(zip_info.filename)
        }
        if len(files) > FILES_MAX:
            raise refused("body", f"has {len(files)} files", f"send at most {FILES_MAX} at once")
        folder = _Folder(archive, files, options)
        described = [name for name in files if PurePosixPath(name).name in _METADATA]
        yield from folder.described(described) if described else folder.all_files()


class _TooMany(Exception):
    """A packed folder has more entries than are looked at."""


class _Entries(list[zipfile.ZipInfo]):
    def append(self, entry: zipfile.ZipInfo) -> None:
        if len(self) >= ENTRIES_MAX:
            raise _TooMany
        super().append(entry)


class _Archive(zipfile.ZipFile):
    """A zip file whose entries are counted as they are read: `ZipFile` makes an object of each before it is asked."""

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, _Entries(value) if name == "filelist" else value)


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts)


class _Folder:
    def __init__(self, archive: zipfile.ZipFile, files: Mapping[str, zipfile.ZipInfo], options: Options) -> None:
        self.archive, self.files, self.options = archive, files, options

    def all_files(self) -> Iterator[Row]:
        """Yield every file's unit, by path."""
        for number, name in enumerate(sorted(self.files), 1):
            yield Row(number, *self._tried(name, {}))

    def described(self, names: Iterable[str]) -> Iterator[Row]:
        """Yield the units that the metadata names; a line counts on over several files of metadata."""
        number = 0
        for name in sorted(names):
            folder = str(PurePosixPath(name).parent)
            for record in self._records(name):
                number += 1
                if isinstance(record, ConcordError):
                    yield Row(number, record)
                    continue
                file = record.get(FILE_NAME)
                if not isinstance(file, str) or not file:
                    cure = f"give every line a {FILE_NAME}, relative to {name}"
                    yield Row(number, refused(FILE_NAME, f"is missing; there are {listed(record)}", cure))
                    continue
                yield Row(number, *self._tried(file if folder == "." else f"{folder}/{file}", record))

    def _records(self, name: str) -> Iterator[Mapping[str, Any] | ConcordError]:
        """Yield the records of a file of metadata."""
        if name.endswith(".csv"):
            table = CsvRecords()
            for chunk in self._chunks(name):
                yield from (record for _, record in table.feed(chunk))
            yield from (record for _, record in table.end())
            return
        lines = Lines()
        for chunk in self._chunks(name):
            yield from (_record(line) for _, line in lines.feed(chunk))
        yield from (_record(line) for _, line in lines.end())

    def _chunks(self, name: str) -> Iterator[bytes]:
        """Yield a file's bytes, a bounded number of them however much they unpack to."""
        left = METADATA_BYTES_MAX
        try:
            with self.archive.open(self.files[name]) as file:
                while left > 0 and (chunk := file.read(CHUNK_BYTES)):
                    left -= len(chunk)
                    yield chunk
        except UNPACKING as fault:
            raise _damaged(name, fault) from fault
        if left <= 0:
            raise refused(name[:100], f"is over {METADATA_BYTES_MAX} bytes", "send the folder in parts")

    def _tried(self, name: str, record: Mapping[str, Any]) -> tuple[UnitWish | ConcordError, tuple[Caution, ...]]:
        try:
            return self._unit(name, record)
        except ConcordError as refusal:
            return refusal, ()
        except UNPACKING as fault:
            return _damaged(name, fault), ()

    def _unit(self, name: str, record: Mapping[str, Any]) -> tuple[UnitWish, tuple[Caution, ...]]:
        options = self.options
        media_type = options.media_type or guess_type(name)[0] or "application/octet-stream"
        if name.endswith(_TEXTS):
            content: Any = self._text(name)
            media_type = options.media_type or "text/plain"
        elif options.base_uri:
            content = {"uri": f"{options.base_uri}{quote(name)}"}
        else:
            cure = "say by `base_uri` where the folder can be seen; files other than texts are not kept here"
            raise refused(name[:100], f"is {media_type}", cure)
        more: dict[str, Any] = {key: record[key] for key in ATTRIBUTES if record.get(key) not in (None, "")}
        more = {key: attribute(key, value) for key, value in more.items()}
        gold = PurePosixPath(name).parent.name if options.gold == FOLDER and FOLDER not in record else None
        if gold is None and options.gold:
            gold = record.get(options.gold)
        if gold not in (None, ""):
            more["gold"] = label_from(options.schema, options.gold, gold)
        if options.suggestion and record.get(options.suggestion) not in (None, ""):
            label = label_from(options.schema, options.suggestion, record[options.suggestion])
            more["suggestion"] = Suggestion(label)
        shown, cautions = sized(content, options.schema, record)
        unit_name = str(record.get(options.id, name) if options.id else name)
        return UnitWish(unit_name, shown, **{"media_type": media_type} | more), cautions

    def _text(self, name: str) -> str:
        if name not in self.files:
            raise refused(name[:100], "is not in the folder", "pack it with the others, or take its line out")
        with self.archive.open(self.files[name]) as file:
            text = file.read(CONTENT_BYTES_MAX + 1)
        if len(text) > CONTENT_BYTES_MAX:
            raise refused(name[:100], f"is over {CONTENT_BYTES_MAX} bytes", "send it in parts, or by its address")
        try:
            return text.decode("utf-8-sig")
        except UnicodeDecodeError as fault:
            raise refused(name[:100], f"is no UTF-8 at byte {fault.start + 1}", "send texts in UTF-8") from fault


def _damaged(name: str, fault: Exception) -> ConcordError:
    return refused(name[:100], f"cannot be unpacked ({str(fault)[:60]})", "pack it anew, without a password")


def _record(line: bytes | ConcordError) -> Mapping[str, Any] | ConcordError:
    if isinstance(line, ConcordError):
        return line
    try:
        return decode_line(_RECORD, line)
    except (BadRequest, Invalid) as refusal:
        return refusal
