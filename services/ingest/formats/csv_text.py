"""CSV as units: see `concord.chassis.csv_records` for how it is read."""

from collections.abc import Iterator, Sequence

from concord.chassis.csv_records import CsvRecords, Record
from concord.chassis.errors import ConcordError
from services.ingest.domain.admission import UnitWish
from services.ingest.domain.staffing import Caution
from services.ingest.formats.rows import Columns, Options, Row


class CsvReader:
    """Reads CSV as it comes, as units.

    Args:
        options: which column means what.
        line, header: see `CsvRecords`.
    """

    def __init__(self, options: Options, line: int = 0, header: Sequence[str] = ()) -> None:
        self._options = options
        self._records = CsvRecords(line, header)
        self._columns: Columns | None = None
        self._cautions: tuple[Caution, ...] = ()

    def feed(self, chunk: bytes) -> Iterator[Row]:
        """Yield the rows that are whole now.

        Raises:
            Invalid: the file has no header, or one without the columns that are needed.
        """
        yield from self._rows(self._records.feed(chunk))

    def end(self) -> Iterator[Row]:
        """Yield what is left.

        Raises:
            Invalid: as `feed`.
        """
        yield from self._rows(self._records.end())
        self._meant()

    @property
    def pending(self) -> int:
        """Return the bytes of the record that is not whole yet."""
        return self._records.pending

    @property
    def line(self) -> int:
        """Return how many lines were read before it."""
        return self._records.line

    @property
    def header(self) -> tuple[str, ...]:
        """Return what is needed to read the file on."""
        return self._records.resumed

    def _rows(self, records: Iterator[Record]) -> Iterator[Row]:
        for line, cells in records:
            columns = self._meant()
            yield Row(line, cells if isinstance(cells, ConcordError) else _unit(columns, cells), self._cautions)
            self._cautions = ()
        if self._records.header:
            self._meant()

    def _meant(self) -> Columns:
        if self._columns is None:
            self._columns = Columns(self._records.header, self._options)
            self._cautions = self._columns.cautions()
        return self._columns


def _unit(columns: Columns, values: dict[str, str]) -> UnitWish | ConcordError:
    try:
        return columns.wish(values)
    except ConcordError as refusal:
        return refusal
