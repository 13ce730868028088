"""Each format read by its own library. Runs in `.venv-readers` alone, as one process, for the libraries load slowly.

A line of input is the JSON list of a reader's name and a folder; a line of output is what was read, or the fault.
"""

# ruff: noqa: PLC0415 - each reader loads its own library alone

import contextlib
import importlib.util
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"


def parquet(folder: Path) -> Any:
    """pyarrow: types and values."""
    from pyarrow import parquet as pq

    table = pq.read_table(folder / "part.parquet")
    return {"schema": {field.name: str(field.type) for field in table.schema}, "rows": table.to_pylist()}


def datasets(folder: Path) -> Any:
    """Hugging Face datasets: the folder by its name, and every class by its name."""
    from datasets import load_dataset

    found = load_dataset(str(folder), split="train", cache_dir=str(folder / "cache"))
    label = found.features["label"]
    names = getattr(label, "names", None)
    rows = [label.str2int(name) for name in names] if names else None
    return {"label": str(label), "names": names, "str2int": rows, "rows": [dict(row) for row in found]}


def pandas(folder: Path) -> Any:
    """pandas, as the format's documentation says to read it."""
    import pandas as pd

    return pd.read_csv(folder / "part.csv", dtype=str, keep_default_na=False).to_dict("records")


def frames(folder: Path) -> Any:
    """What concord.client makes of an export for those who train: by its file, for the house is not installed here."""
    path = Path(__file__).parents[3] / "concord/client/frames.py"
    spec = importlib.util.spec_from_file_location("frames", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    files = sorted(folder.glob("*.parquet"))
    if files:
        return json.loads(found.to_pandas(files).to_json(orient="records"))
    return [dict(row) for row in found.to_datasets(folder, cache=folder / "cache")]


def label_studio(folder: Path) -> Any:
    """label-studio-sdk: the configuration, every annotation held against it, and its own converter to COCO."""
    from label_studio_sdk.converter import Converter
    from label_studio_sdk.label_interface import LabelInterface

    config = (folder / "label-config.xml").read_text()
    tasks = json.loads((folder / "part.json").read_text())
    interface = LabelInterface(config)
    interface.validate()
    faults = []
    for task in tasks:
        for annotation in task["annotations"]:
            with contextlib.suppress(AttributeError):
                faults += [] if interface.validate_annotation(annotation) else [annotation]
    coco = None
    if "RectangleLabels" in config or "PolygonLabels" in config:
        numbered = [{**task, "id": place} for place, task in enumerate(tasks, start=1)]
        (folder / "numbered.json").write_text(json.dumps(numbered))
        converter = Converter(config=config, project_dir=str(folder), download_resources=False)
        converter.convert_to_coco(str(folder / "numbered.json"), output_dir=str(folder / "converted"), is_dir=False)
        coco = json.loads((folder / "converted" / "result.json").read_text())
    return {"faults": faults, "coco": coco}


def coco(folder: Path) -> Any:
    """pycocotools: the truth evaluated against itself, and every outline decoded."""
    from pycocotools import mask
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    precision = {}
    truth = COCO(str(folder / "part.json"))
    answers = [{**annotation, "score": 1.0} for annotation in truth.dataset["annotations"]]
    found = truth.loadRes(answers)
    for kind in ("bbox", "segm"):
        evaluation = COCOeval(truth, found, kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        precision[kind] = float(evaluation.stats[0])
    boxes = [mask.toBbox(truth.annToRLE(annotation)).tolist() for annotation in truth.dataset["annotations"]]
    areas = [int(mask.area(truth.annToRLE(annotation))) for annotation in truth.dataset["annotations"]]
    images = sorted(truth.getImgIds())
    return {"precision": precision, "boxes": boxes, "areas": areas, "images": images, "cats": truth.getCatIds()}


def conll(folder: Path) -> Any:
    """seqeval: the entities of every sentence in strict IOB2."""
    from seqeval.metrics.sequence_labeling import get_entities
    from seqeval.scheme import IOB2, Entities

    sentences: list[list[list[str]]] = [[]]
    for line in (folder / "part.conll").read_text().split("\n"):
        if line:
            sentences[-1].append(line.split(" "))
        elif sentences[-1]:
            sentences.append([])
    sentences = [sentence for sentence in sentences if sentence]
    tags = [[columns[-1] for columns in sentence] for sentence in sentences]
    strict = Entities(tags, IOB2).entities
    entities = [[(entry.tag, entry.start, entry.end) for entry in each] for each in strict]
    lenient = [[(kind, first, last + 1) for kind, first, last in get_entities(each)] for each in tags]
    return {"sentences": sentences, "entities": entities, "lenient": lenient}


def preference(folder: Path) -> Any:
    """datasets, as trainers load preference data."""
    from datasets import load_dataset

    found = load_dataset("json", data_files=str(folder / "part.jsonl"), split="train", cache_dir=str(folder / "cache"))
    return {"columns": found.column_names, "rows": [dict(row) for row in found]}


def croissant(folder: Path) -> Any:
    """mlcroissant: the description without a fault, the digests held, and every record."""
    import mlcroissant

    dataset = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))

    def plain(value: Any) -> Any:
        if isinstance(value, bytes):
            return value.decode()
        return value.item() if hasattr(value, "item") else value

    records = [{name: plain(value) for name, value in record.items()} for record in dataset.records("records")]
    issues = dataset.metadata.ctx.issues
    body = dataset.metadata
    responsible = [body.data_annotation_platform, body.data_limitations, body.data_biases]
    return {"errors": list(issues.errors), "rows": records, "responsible": responsible}


def prov(folder: Path) -> Any:
    """prov: the document, and PROV-O in Turtle made of it and read by rdflib."""
    import rdflib
    from prov.model import ProvDocument

    document = ProvDocument.deserialize(content=(folder / "prov.json").read_text(), format="json")
    turtle = document.serialize(format="rdf", rdf_format="turtle")
    graph = rdflib.Graph().parse(data=turtle, format="turtle")
    plans = graph.query("SELECT ?plan WHERE { ?a <http://www.w3.org/ns/prov#hadPlan> ?plan }")
    records = sorted(type(get_record).__name__ for get_record in document.get_records())
    return {"records": records, "plans": sorted({str(row[0]) for row in plans})}


if __name__ == "__main__":
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print; that is not what was read
    for line in sys.stdin:
        name, folder = json.loads(line)
        try:
            answer = {"read": globals()[name](Path(folder))}
        except Exception:
            answer = {"fault": traceback.format_exc()}
        answers.write(json.dumps(answer, default=str) + "\n")
        answers.flush()
