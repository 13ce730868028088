"""`concord pack`: write the record of a dataset version, each statement with the figures it rests on, offline."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec

from cli.statuses import BROKEN, NOBODY_VOUCHES
from cli.verify import facts_of
from concord.pages.parts import document, id_text, sheet, table, text
from services.audit.domain.dataset_provenance import dataset_provenance
from services.audit.domain.record import CERTIFICATE, MANIFEST, Document, Figure, Record, record_of
from services.audit.domain.signing import CertificateBroken, Json, keys_in
from services.audit.domain.verification import canonical_digest, statement_of, verify_manifest

PROVENANCE = "prov.json"
FIGURES_SHOWN_MAX = 6
"""Of a statement, on its page; the record in JSON has all."""
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("pack")
@click.argument("folder", type=FOLDER)
@click.option(
    "--public-key",
    "public_keys",
    multiple=True,
    metavar="BASE64",
    help="A key you trust, as `GET /v1/keys` of audit shows it, got by a way that you trust; may be given again.",
)
@click.option("--keys", type=FILE, help="A file of keys you trust, as the whole answer of `GET /v1/keys` is.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def verb(folder: Path, public_keys: tuple[str, ...], keys: Path | None, as_json: bool) -> None:
    """Write the record of a dataset version into FOLDER, as `concord export` left it: record.json, .html and prov.json.

    Each statement names the places in the signed documents that it rests on; what they do not answer is listed as open.
    All files are verified first. Exit status 0: written, and a key that you trust signed what it rests on. 1: something
    was changed or is missing, and nothing was written. 3: written, and nobody whom you trust vouches for it.
    """
    try:
        trusted = [*public_keys, *([] if keys is None else keys_in(keys.read_bytes()))]
        record, provenance = _record(folder, trusted)
    except CertificateBroken as broken:
        click.echo(f"NOT PACKED: {broken}", err=True)
        raise SystemExit(BROKEN) from broken
    (folder / "record.json").write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
    (folder / PROVENANCE).write_bytes(msgspec.json.format(msgspec.json.encode(provenance), indent=1) + b"\n")
    (folder / "record.html").write_bytes(record_page(record))
    if as_json:
        files = [str(folder / name) for name in ("record.json", PROVENANCE, "record.html")]
        click.echo(msgspec.json.encode({"files": files, "trusted": record.vouched}).decode())
    click.echo(
        f"{len(record.statements)} statements, {len(record.limits)} known limits and {len(record.open_questions)} open "
        f"questions: {folder / 'record.html'}",
        err=as_json,
    )
    if not record.vouched:
        click.echo("NOBODY VOUCHES FOR IT: give the key that you trust with --public-key.", err=True)
        raise SystemExit(NOBODY_VOUCHES)


def _record(folder: Path, trusted: Sequence[str]) -> tuple[Record, Json]:
    """Return the record of a folder whose every file is what was signed, and its provenance.

    Raises:
        CertificateBroken: one is not; it is named.
    """
    manifest, certificate = _content(folder, MANIFEST), _content(folder, CERTIFICATE)
    statement: Json = verify_manifest(manifest, []).statement
    files = [folder / file["name"] for file in statement["files"]]
    for path in files:
        _content_is_there(folder, path)
    found = verify_manifest(manifest, [facts_of(path) for path in files], trusted)
    answer = statement_of(certificate)
    if trusted and answer["key"]["public_key"] not in trusted:
        raise CertificateBroken(f"{CERTIFICATE} was signed with another key than those that are trusted.")
    if canonical_digest(certificate) != statement["certificate_sha256"]:
        raise CertificateBroken(f"{CERTIFICATE} is not the one that {MANIFEST} names.")
    documents = [
        Document(name, _sha256(content)) for name, content in ((CERTIFICATE, certificate), (MANIFEST, manifest))
    ]
    for companion in statement["companions"]:
        content = _content(folder, companion["name"])
        if _sha256(content) != companion["sha256"]:
            raise CertificateBroken(f"{companion['name']} was changed: it is not what {MANIFEST} holds.")
        documents.append(Document(companion["name"], companion["sha256"]))
    return record_of(answer, found.statement, documents, found.trusted), dataset_provenance(answer, found.statement)


def _content(folder: Path, name: str) -> bytes:
    path = folder / name
    _content_is_there(folder, path)
    return path.read_bytes()


def _content_is_there(folder: Path, path: Path) -> None:
    if not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise CertificateBroken(f"{path.name} is not in {folder}; fetch it with `concord export`.")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def record_page(record: Record) -> bytes:
    """Return the record as a page: one file that fetches nothing."""
    vouched = "Verified: a key that was named signed what this rests on, and every file is what was signed."
    nobody = "Nobody vouches for it: nothing was changed since it was signed, and no key was named to hold it against."
    body = [
        f"<h1>Record of {id_text(record.project_id)}, issue {record.issue}</h1>",
        f'<p class="quiet">Issued {text(record.issued_at)}. The record in JSON beside it names every figure.</p>',
        f'<p class="seal{" good" if record.vouched else ""}">{vouched if record.vouched else nobody}</p>',
    ]
    for step in dict.fromkeys(statement.step for statement in record.statements):
        body.append(f"<h2>{step.capitalize()}</h2>")
        body += [
            sheet(_lines(statement.says, statement.rule, statement.articles, statement.rests_on))
            for statement in record.statements
            if statement.step == step
        ]
    body.append("<h2>Known limits</h2>")
    body += [sheet(_lines(limit.says, "", (), limit.rests_on)) for limit in record.limits]
    questions = [
        (text(open_question.article), text(open_question.asks), text(open_question.why_open))
        for open_question in record.open_questions
    ]
    body.append(f"<h2>Open questions</h2>{table(('Article', 'Question', 'Why it is open'), questions)}")
    documents = [(id_text(entry.name), id_text(entry.sha256)) for entry in record.documents]
    body.append(f"<h2>Documents</h2>{table(('Document', 'SHA-256'), documents)}")
    return document(f"Record of {record.project_id}, issue {record.issue}", body)


def _lines(says: str, rule: str, articles: Sequence[str], figures: Sequence[Figure]) -> Iterator[tuple[str, str]]:
    yield "Stated", text(says)
    if rule:
        yield "By rule of the platform", text(rule)
    if articles:
        yield "For", text(f"Article {', '.join(articles)}")
    if figures:
        shown = "<br>".join(
            f"{id_text(f'{figure.document}#{figure.at}')} = {text(_brief(figure))}"
            for figure in figures[:FIGURES_SHOWN_MAX]
        )
        more = len(figures) - FIGURES_SHOWN_MAX
        yield "Rests on", shown + (f"<br>and {more} more" if more > 0 else "")


def _brief(figure: Figure) -> str:
    return msgspec.json.encode(figure.value).decode()[:120]
