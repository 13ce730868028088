"""What pages are put together from: texts that stay texts, lists, tables, and a frame that lets nothing be fetched."""

import html
import unicodedata
from collections.abc import Iterable

from concord.pages.style import POLICY, STYLE

MEDIA_TYPE = "text/html; charset=utf-8"
TEXT_CHARACTERS_MAX = 400
"""Of a text of somebody's; ours are shorter."""
UNSEEN = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Categories of Unicode that show nothing, and may turn or end what stands beside them."""


def document(title: str, body: Iterable[str]) -> bytes:
    """Return a page: one file that fetches nothing, and may show no other style than its own.

    Args:
        title: a text.
        body: HTML, made by the functions here and of words of ours.
    """
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="content-security-policy" content="{html.escape(POLICY)}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'
        f"<title>{_shown(title)}</title><style>{STYLE}</style></head>\n<body><main>{''.join(body)}</main></body></html>\n"
    )
    return page.encode("utf-8", "replace")


def sheet(facts: Iterable[tuple[str, str]]) -> str:
    """Return named facts, one below the other, of names and HTML."""
    inside = "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts)
    return f'<div class="sheet"><dl>{inside}</dl></div>'


def table(heads: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    """Return a table of HTML in its cells."""
    head = "".join(f'<th scope="col">{name}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="sheet"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def text(name: str) -> str:
    """Return a text of anybody's as HTML, with a direction of its own.

    >>> text("<b>")
    '<bdi>&lt;b&gt;</bdi>'
    """
    return f"<bdi>{_shown(name)}</bdi>"


def id_text(name: str) -> str:
    """Return an id, a name or a digest as HTML.

    >>> id_text("k1-l1")
    '<bdi class="id">k1-l1</bdi>'
    """
    return f'<bdi class="id">{_shown(name)}</bdi>'


def text_in_drawing(name: str) -> str:
    """Return a text of anybody's as it may stand in a drawing.

    >>> text_in_drawing("a<b")
    'a&lt;b'
    """
    return _shown(name)


def _shown(name: str) -> str:
    """Return a text with every character that could mean something escaped, and none that cannot be seen."""
    kept = name[:TEXT_CHARACTERS_MAX] + ("…" if len(name) > TEXT_CHARACTERS_MAX else "")
    return html.escape("".join("\ufffd" if unicodedata.category(key) in UNSEEN else key for key in kept))
