"""Every export read back by the format's own library: what was labelled is what is read, whatever stands in it."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

import pytest

from concord.exports import FORMATS, Form, Record, RecordedLabel, writer_for
from concord.exports.companions import companions
from concord.exports.csv_file import undefused
from concord.exports.snapshot import FileTally, Snapshot
from concord.labels import encoded, schema_from
from concord.labels.versions import Step, Versions
from deploy.local import side_environment
from services.audit.domain import unit as units
from services.audit.domain.dataset_provenance import dataset_provenance
from services.audit.domain.leaving import leaving
from services.audit.domain.ledger import Ledger, Settlers
from services.audit.domain.provenance import provenance
from services.audit.domain.unit import Evidence, Inspection, Resolution, UnitState

Read = Callable[[str], Any]

AWKWARD = [
    "None",
    "NA",
    "007",
    "1.50",
    "no",
    "=1+1",
    "@a",
    "'t is",
    "2020-01-01",
    'a,b\n"c"',
    "line\u2028end",
    "ü😀",
    "1",
]
NAMES = [text for text in AWKWARD if text.isprintable()]
SNAPSHOT = Snapshot("k1-p", 3, "2026-11-27T00:00:00.000000+00:00", "ab" * 32, 2, 4, 1, (1,), "Nothing was found wrong.")


@pytest.fixture(scope="session")
def readers() -> Iterator[Popen[str]]:
    python, script = side_environment.ensure("readers"), Path(__file__).with_name("readers.py")
    with Popen([python, script], stdin=PIPE, stdout=PIPE, stderr=DEVNULL, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def read(readers: Popen[str], tmp_path: Path) -> Read:
    def by(reader: str) -> Any:
        assert readers.stdin is not None
        assert readers.stdout is not None
        readers.stdin.write(json.dumps([reader, str(tmp_path)]) + "\n")
        readers.stdin.flush()
        answer = json.loads(readers.stdout.readline())
        assert "fault" not in answer, answer["fault"]
        return answer["read"]

    return by


def record(number: int, label: Any, data: Any = None, labels: Sequence[Any] = (), **more: Any) -> Record:
    entries = tuple(RecordedLabel(f"w{place}", encoded(entry).decode(), 1) for place, entry in enumerate(labels))
    return Record(
        f"u{number}", f"source {number}", encoded(label).decode(), "posterior", 0.5 + number / 100, 2, 1, "l1", entries,
        b"" if data is None else json.dumps(data).encode(),
        "text/plain" if isinstance(data, str) else "application/json", **more,
    )  # fmt: skip


def write(folder: Path, form: Form, spec: Any, records: Sequence[Record]) -> None:
    """Write an export of one part, and what goes beside it, in pieces of two units."""
    schema, chosen = schema_from(spec), FORMATS[form.format]
    writer = writer_for(form, schema)
    pieces = [writer.begin(), *(writer.write(records[at : at + 2]) for at in range(0, len(records), 2)), writer.end()]
    content = b"".join(pieces)
    name = chosen.file_name(0, 1) if chosen.folder else f"part.{chosen.suffix}"
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    tally = FileTally(name, chosen.media_type)
    tally.add(content)
    for companion in companions(form, schema, SNAPSHOT, [tally.facts(writer.rows)]):
        (folder / companion.name).write_text(companion.text)


FORM = {
    "kind": "form",
    "fields": [
        {"name": "toxic", "schema": {"kind": "choice", "classes": ["yes", "no"]}},
        {"name": "where", "schema": {"kind": "spans", "classes": ["p"]}, "when": {"field": "toxic", "is": ["yes"]}},
        {
            "name": "severity",
            "schema": {"kind": "rating", "lowest": 1, "highest": 5},
            "when": {"field": "toxic", "is": ["yes"]},
        },
    ],
}
KINDS: list[tuple[Any, list[Any]]] = [
    ({"kind": "choice", "classes": NAMES}, NAMES),
    ({"kind": "choices", "classes": ["a", "b"]}, [["a"], [], ["a", "b"]]),
    ({"kind": "rating", "lowest": 1, "highest": 10}, [10, 2, 1]),
    ({"kind": "number", "low": -5, "high": 5}, [-1.5, 0, 5]),
    ({"kind": "preference", "strengths": 2}, [{"prefer": "a", "strength": 2}, {"prefer": "tie", "strength": 0}]),
    ({"kind": "ranking", "items": ["x", "y"]}, [["y", "x"], ["x", "y"]]),
    ({"kind": "text"}, AWKWARD),
    (
        {"kind": "taxonomy", "nodes": [{"id": "animal"}, {"id": "dog", "parent": "animal"}, {"id": "car"}]},
        ["dog", "car"],
    ),
    (FORM, [{"answers": {"toxic": "no"}}, {"answers": {"toxic": "yes", "where": {"spans": []}, "severity": 3}}]),
    ({"kind": "spans", "classes": ["p"]}, [{"spans": []}, {"spans": [{"start": 0, "end": 2, "class": "p"}]}]),
    (
        {"kind": "boxes", "classes": ["car"]},
        [{"boxes": [{"left": 1.5, "top": 2.0, "right": 3.0, "bottom": 9.0, "class": "car"}]}, {"boxes": []}],
    ),
    (
        {"kind": "polygons", "classes": ["car"]},
        [{"polygons": [{"points": [[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]], "class": "car"}]}],
    ),
]
"""A spec of every kind, with canonical labels of it."""


def canonical(spec: Any, labels: Sequence[Any]) -> list[Any]:
    schema = schema_from(spec)
    return [schema.canonical(label) for label in labels]


def bare(label: Any) -> Any:
    """Return a label as a column holds it: spans, boxes and polygons without their envelope."""
    if isinstance(label, dict) and "answers" in label:
        asked = ("toxic", "where", "severity")
        return {name: bare(label["answers"].get(name)) for name in asked}
    return next(iter(label.values())) if isinstance(label, dict) and len(label) == 1 else label


@pytest.mark.parametrize(("spec", "labels"), KINDS, ids=[spec["kind"] for spec, _ in KINDS])
def test_pyarrow_reads_every_kind_of_label_as_what_it_is(
    spec: Any, labels: list[Any], tmp_path: Path, read: Read
) -> None:
    labels = canonical(spec, labels)
    records = [record(number, label, AWKWARD[number % 3], duplicate_of="") for number, label in enumerate(labels)]
    write(tmp_path, Form("parquet", data=True, duplicates=True), spec, records)
    found = read("parquet")
    assert [row["label"] for row in found["rows"]] == [bare(label) for label in labels]
    assert [row["data"] for row in found["rows"]] == [AWKWARD[number % 3] for number in range(len(labels))]
    assert found["schema"]["confidence"] == "double"
    assert found["rows"][1:2] == [] or found["rows"][1]["confidence"] == 0.51


@pytest.mark.parametrize(("spec", "labels"), KINDS, ids=[spec["kind"] for spec, _ in KINDS])
def test_datasets_loads_the_folder_with_every_label(spec: Any, labels: list[Any], tmp_path: Path, read: Read) -> None:
    labels = canonical(spec, labels)
    write(tmp_path, Form("datasets"), spec, [record(number, label) for number, label in enumerate(labels)])
    found = read("datasets")
    rows = [row["label"] for row in found["rows"]]
    if spec["kind"] == "choice":
        assert found["names"] == spec["classes"]
        assert found["str2int"] == list(range(len(spec["classes"])))
        rows = [found["names"][number] for number in rows]
    assert rows == [bare(label) for label in labels]


@pytest.mark.parametrize("form", ["parquet", "datasets"])
def test_the_client_hands_an_export_to_those_who_train(form: str, tmp_path: Path, read: Read) -> None:
    spec = {"kind": "choice", "classes": ["ham", "spam"]}
    write(tmp_path, Form(form), spec, [record(number, label) for number, label in enumerate(["spam", "ham", "spam"])])
    rows = [row["label"] for row in read("frames")]
    assert rows == (["spam", "ham", "spam"] if form == "parquet" else [1, 0, 1])


def test_pandas_reads_csv_to_the_very_texts_and_numbers(tmp_path: Path, read: Read) -> None:
    spec = {"kind": "text"}
    write(tmp_path, Form("csv", data=True), spec, [record(n, text, text) for n, text in enumerate(AWKWARD)])
    rows = read("pandas")
    assert [undefused(row["label"]) for row in rows] == AWKWARD
    assert [undefused(row["data"]) for row in rows] == AWKWARD
    assert not any(row["label"].startswith(("=", "@", "+", "-")) for row in rows)
    assert [float(row["confidence"]) for row in rows] == [0.5 + n / 100 for n in range(len(AWKWARD))]


@pytest.mark.parametrize(
    ("spec", "label", "data"),
    [
        ({"kind": "choice", "classes": ['a "quoted" <one>', "b & c"]}, 'a "quoted" <one>', "text"),
        ({"kind": "choices", "classes": ["a", "b"]}, ["a", "b"], "text"),
        ({"kind": "rating", "lowest": 1, "highest": 10}, 10, "text"),
        ({"kind": "text"}, "free 😀 text", "text"),
        ({"kind": "preference", "strengths": 2}, {"prefer": "b", "strength": 2}, {"a": "x", "b": "y"}),
        (KINDS[7][0], "dog", "text"),
        (FORM, {"answers": {"toxic": "yes", "where": {"spans": []}, "severity": 3}}, "text"),
        ({"kind": "spans", "classes": ["p"]}, {"spans": [{"start": 2, "end": 6, "class": "p"}]}, "😀 Anna came"),
        (
            {"kind": "boxes", "classes": ["car"]},
            {"boxes": [{"left": 20, "top": 10, "right": 60, "bottom": 40, "class": "car"}]},
            {"uri": "https://example.org/a.png", "width": 200, "height": 100},
        ),
        (
            {"kind": "polygons", "classes": ["car"]},
            {"polygons": [{"points": [[20, 10], [60, 10], [60, 40]], "class": "car"}]},
            {"uri": "https://example.org/a.png", "width": 200, "height": 100},
        ),
    ],
    ids=["choice", "choices", "rating", "text", "preference", "taxonomy", "form", "spans", "boxes", "polygons"],
)
def test_label_studios_library_takes_every_annotation(
    spec: Any, label: Any, data: Any, tmp_path: Path, read: Read
) -> None:
    (label,) = canonical(spec, [label])
    write(
        tmp_path, Form("label-studio", "annotations", data=True), spec, [record(0, label, data, labels=[label, label])]
    )
    found = read("label_studio")
    assert found["faults"] == []
    tasks = json.loads((tmp_path / "part.json").read_text())
    assert [len(task["annotations"]) for task in tasks] == [2]
    if spec["kind"] == "spans":
        value = tasks[0]["annotations"][0]["result"][0]["value"]
        assert data[value["start"] : value["end"]] == value["text"] == "Anna"
    if spec["kind"] == "boxes":
        assert found["coco"]["annotations"][0]["bbox"] == pytest.approx([20, 10, 40, 30])
    if spec["kind"] == "polygons":
        assert found["coco"]["annotations"][0]["segmentation"] == [pytest.approx([20, 10, 60, 10, 60, 40])]


CHANGED = Versions(
    schema_from({"kind": "choice", "classes": ["no", "surely", "unsure"]}),
    (Step(2, "rename", "", "yes", ("surely",)), Step(2, "retire", "", "no"), Step(2, "add", "", "unsure")),
)
"""A schema whose classes have changed: what was `yes` is `surely`, `no` is offered no more, `unsure` is new."""


def labelled_under(number: int, label: str, version: int) -> UnitState:
    """Return a unit that was labelled, and inspected, under a version of a schema."""
    evidence = Evidence(f"w{number}", encoded(label).decode(), 1, schema_version=version)
    return UnitState(
        f"u{number}", "k1-p", f"source {number}", True, label=evidence.label, method="posterior", confidence=0.9,
        evidence=(evidence,), media_type="text/plain", schema_version=version,
    )  # fmt: skip


@pytest.mark.parametrize("form", ["parquet", "datasets", "csv", "label-studio"])
def test_labels_of_earlier_versions_of_a_schema_are_read_in_the_names_of_the_newest(
    form: str, tmp_path: Path, read: Read
) -> None:
    given = [("yes", 1), ("no", 1), ("surely", 2), ("unsure", 2)]
    chosen = Form(form, "annotations", data=True) if form == "label-studio" else Form(form)
    units = [labelled_under(number, label, version) for number, (label, version) in enumerate(given)]
    data = {unit.unit_id: b'"a text"' for unit in units} if chosen.data else None
    codes = (lambda annotator_id: f"code of {annotator_id}") if chosen.rows == "annotations" else None
    write(tmp_path, chosen, CHANGED.schema.spec(), leaving("l1", units, (), CHANGED, codes, data))
    wanted = ["surely", "no", "surely", "unsure"]
    match form:
        case "parquet":
            rows = read("parquet")["rows"]
            assert [row["label"] for row in rows] == wanted
            assert [row["schema_version"] for row in rows] == [2, 1, 2, 2], "what was retired is of the version before"
        case "datasets":
            found = read("datasets")
            assert [found["names"][row["label"]] for row in found["rows"]] == wanted
            assert found["str2int"] == list(range(len(found["names"])))
        case "csv":
            assert [row["label"] for row in read("pandas")] == wanted
        case "label-studio":
            assert read("label_studio")["faults"] == [], "what is offered no more is in the configuration still"
            tasks = json.loads((tmp_path / "part.json").read_text())
            entries = [task["annotations"][0]["result"][0]["value"]["choices"] for task in tasks]
            assert entries == [[label] for label in wanted]


def test_pycocotools_finds_everything_of_the_truth_in_itself(tmp_path: Path, read: Read) -> None:
    def box(left: float, top: float, right: float, bottom: float, name: str) -> Any:
        return {"left": left, "top": top, "right": right, "bottom": bottom, "class": name}

    spec = {"kind": "boxes", "classes": ["car", "bus"]}
    labels = canonical(
        spec, [{"boxes": [box(0, 0, 50, 40, "car"), box(60, 10, 90, 90, "bus")]}, {"boxes": [box(5, 5, 25, 45, "bus")]}]
    )
    image = {"width": 200, "height": 100}
    records = [record(n, entry, {"uri": f"https://e.org/{n}.png", **image}) for n, entry in enumerate(labels)]
    write(tmp_path, Form("coco", data=True), spec, records)
    found = read("coco")
    assert found["precision"] == {"bbox": 1.0, "segm": 1.0}
    assert (found["images"], found["cats"]) == ([1, 2], [1, 2])
    assert found["boxes"] == [[0, 0, 50, 40], [60, 10, 30, 80], [5, 5, 20, 40]]
    assert found["areas"] == [2000, 2400, 800]


def test_pycocotools_reads_outlines_of_every_annotator_on_one_image(tmp_path: Path, read: Read) -> None:
    spec = {"kind": "polygons", "classes": ["car"]}
    points = [[10.0, 10.0], [50.0, 10.0], [50.0, 30.0], [10.0, 30.0]]
    (label,) = canonical(spec, [{"polygons": [{"points": points, "class": "car"}]}])
    data = {"uri": "a.png", "width": 200, "height": 100}
    write(tmp_path, Form("coco", "annotations", data=True), spec, [record(0, label, data, labels=[label, label])])
    found = read("coco")
    assert (found["precision"]["segm"], found["images"], found["areas"]) == (1.0, [1], [800, 800])
    body = json.loads((tmp_path / "part.json").read_text())["annotations"]
    assert [entry["concord_annotator"] for entry in body] == ["w0", "w1"]


def test_seqeval_finds_the_very_spans_in_strict_iob2(tmp_path: Path, read: Read) -> None:
    spec = {"kind": "spans", "classes": ["a person", "place"]}
    text = "😀 Anna-Lena met\nBerlin's unhappy  mayor."
    words = [("Anna-Lena", "a person"), ("Berlin", "place"), ("happy  mayor", "a person")]
    spans = [{"start": (at := text.index(word)), "end": at + len(word), "class": name} for word, name in words]
    labels = canonical(spec, [{"spans": spans}, {"spans": []}])
    write(tmp_path, Form("conll", data=True), spec, [record(0, labels[0], text), record(1, labels[1], "Nothing.")])
    found = read("conll")
    assert all(len(columns) == 4 for sentence in found["sentences"] for columns in sentence)
    assert found["entities"] == found["lenient"]
    entities = [
        (tag, "".join(columns[0] for columns in sentence[first:last]))
        for sentence, each in zip(found["sentences"], found["entities"], strict=True)
        for tag, first, last in each
    ]
    assert entities == [(name.replace(" ", "_"), word.replace(" ", "")) for word, name in words]


def test_trainers_read_chosen_and_rejected(tmp_path: Path, read: Read) -> None:
    spec = {"kind": "preference"}
    labels = canonical(spec, [{"prefer": "a"}, {"prefer": "b"}, {"prefer": "tie"}])
    pair = {"prompt": "Why?", "a": "Because.", "b": "2020-01-01"}
    write(
        tmp_path, Form("preference-pairs", data=True), spec, [record(n, entry, pair) for n, entry in enumerate(labels)]
    )
    found = read("preference")
    assert {"prompt", "chosen", "rejected"} <= set(found["columns"])
    assert [(row["chosen"], row["rejected"]) for row in found["rows"]] == [
        ("Because.", "2020-01-01"),
        ("2020-01-01", "Because."),
    ]


@pytest.mark.parametrize("name", ["parquet", "datasets"])
def test_mlcroissant_reads_every_record_and_finds_no_fault(name: str, tmp_path: Path, read: Read) -> None:
    spec = {"kind": "text"}
    write(tmp_path, Form(name, data=True), spec, [record(n, text, "007") for n, text in enumerate(AWKWARD)])
    if name == "parquet":
        described = json.loads((tmp_path / "croissant.json").read_text())
        assert described["distribution"][0]["sha256"]
    found = read("croissant")
    assert found["errors"] == []
    assert [row["records/label"] for row in found["rows"]] == AWKWARD
    assert {row["records/data"] for row in found["rows"]} == {"007"}
    platform, limitations, biases = found["responsible"]
    assert ("Concord" in str(platform), len(limitations), "Not assessed" in str(biases)) == (True, 2, True)


def test_prov_reads_a_lineage_and_makes_prov_o_of_it(tmp_path: Path, read: Read) -> None:
    ledger, evidence = Ledger(b"secret"), tuple(Evidence(f"w{n}", '"yes"', n, f"a{n}") for n in (1, 2))
    resolution = Resolution('"yes"', 0, "adjudicated", 1.0, evidence, 2, ["w1", "w2", "senior"], 2)
    state = units.admitted(None, units.UnitState("u1", "k1-p", "s", admitted=True))
    assert state is not None
    state = ledger.admitted(None, state, 1, "e1")
    after = units.resolved(state, "u1", "k1-p", resolution)
    assert after is not None
    state = ledger.resolved(state, after, 2, "e2", Settlers("senior"))
    verdict = Inspection("aud", '"no"', 0, correct=False)
    state = ledger.inspected(state, units.inspected(state, verdict, (0, 0)), 3, verdict)
    state = ledger.erased(state, units.withdrawn(state, "u1", "k1-p"), 4, "e4")
    (tmp_path / "prov.json").write_text(json.dumps(provenance("u1", state.history)))
    found = read("prov")
    assert found["plans"] == ["urn:concord:guideline/1", "urn:concord:guideline/2"]
    kinds = found["records"]
    assert (kinds.count("ProvAssociation"), kinds.count("ProvInvalidation"), kinds.count("ProvAgent")) == (4, 1, 4)


def test_prov_reads_a_dataset_versions_provenance_and_makes_prov_o_of_it(tmp_path: Path, read: Read) -> None:
    lots = [
        {"lot_id": f"k1-l{n}", "units": 20, "inspected": 9, "annotators": 3, "guideline_versions": sorted({1, n}),
         "accepted_at": "2026-11-27T00:00:00.000000+00:00", "certificate_sha256": f"{n}" * 64}
        for n in (1, 2)
    ]  # fmt: skip
    certificate = {
        "client_id": "k1", "project_id": "k1-p", "issued_at": "2026-11-27T01:00:00.000000+00:00", "lots": lots,
        "key": {"kid": "a-key"}, "software": {"name": "concord", "version": "0.1.0"},
    }  # fmt: skip
    files = [{"name": f"k1-p-1.part-{n}.jsonl", "sha256": "d" * 64, "rows": 20, "bytes": 900} for n in range(2)]
    manifest = {"issue": 1, "rows": 40, "certificate_sha256": "c" * 64, "files": files}
    (tmp_path / "prov.json").write_text(json.dumps(dataset_provenance(certificate, manifest)))
    found = read("prov")
    assert found["plans"] == ["urn:concord:guideline/1", "urn:concord:guideline/2"]
    kinds = found["records"]
    assert (kinds.count("ProvMembership"), kinds.count("ProvActivity"), kinds.count("ProvAgent")) == (2, 5, 5)
    assert (kinds.count("ProvAssociation"), kinds.count("ProvDerivation"), kinds.count("ProvGeneration")) == (6, 4, 6)
