"""What is said, beside a lot's certificate, of labels that a recheck found wrong after it was issued.

The certificate and what it certifies stay as they are: whoever has both has this list, signed by the same key, tell
which lines of the file are wrong, what they were certified as, and how they read with the auditor's label.
"""

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

from services.audit.domain.signing import Json
from services.audit.domain.times import timestamp

CORRECTIONS = "concord.corrections.v1"


class CorrectedLine(NamedTuple):
    """A line of a certified file whose label was found wrong since.

    Attributes:
        line: its number in the file, from 1.
        unit_id: its unit.
        certified_sha256: its digest, as it was certified.
        row: as it reads with the auditor's label, with its line feed.
    """

    line: int
    unit_id: str
    certified_sha256: str
    row: bytes


def corrections(
    client_id: str, project_id: str, lot_id: str, at_us: int, certificate_sha256: str, found: Iterable[CorrectedLine]
) -> Json:
    """Return what is said of lines whose labels were found wrong after a lot's certificate was issued.

    Args:
        client_id: whose it is.
        project_id: whose it is.
        lot_id: the lot.
        at_us: when the last of them was found.
        certificate_sha256: the certificate that they were certified in.
        found: these lines, in the file's order.
    """
    return {
        "type": CORRECTIONS,
        "issued_at": timestamp(at_us),
        "client_id": client_id,
        "project_id": project_id,
        "lot_id": lot_id,
        "certificate_sha256": certificate_sha256,
        "corrected": [
            {
                "line": each.line,
                "unit_id": each.unit_id,
                "certified_sha256": each.certified_sha256,
                "sha256": hashlib.sha256(each.row).hexdigest(),
                # As text: the canonical form orders members, and holds no number that is not JavaScript's.
                "row": each.row.decode().removesuffix("\n"),
            }
            for each in found
        ],
    }
