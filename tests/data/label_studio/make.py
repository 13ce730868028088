"""Writes `export.json` and what Label Studio's own library reads of it, `read.json`.

Run with label-studio-sdk 2.1.2 in an environment of its own (it is half a gigabyte):
`python -m venv sdk && sdk/bin/pip install label-studio-sdk==2.1.2 && sdk/bin/python make.py`
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from label_studio_sdk.converter import Converter
from label_studio_sdk.label_interface import LabelInterface

HERE = Path(__file__).parent
CONFIG = """<View>
<Text name="text" value="$text"/><Image name="img" value="$image"/>
<Choices name="class" toName="text"><Choice value="yes"/><Choice value="no"/></Choices>
<Labels name="ner" toName="text"><Label value="PER"/><Label value="ORG"/></Labels>
<RectangleLabels name="rect" toName="img"><Label value="car"/><Label value="bus"/></RectangleLabels>
<PolygonLabels name="poly" toName="img"><Label value="car"/><Label value="bus"/></PolygonLabels>
<BrushLabels name="brush" toName="img"><Label value="car"/></BrushLabels>
<EllipseLabels name="ellipse" toName="img"><Label value="car"/></EllipseLabels>
<KeyPointLabels name="point" toName="img"><Label value="car"/></KeyPointLabels>
<Rating name="rating" toName="text"/><Number name="number" toName="text"/><TextArea name="note" toName="text"/>
</View>"""
SIZE = {"original_width": 640, "original_height": 320, "image_rotation": 0}
PLAIN, BEYOND = "Ada met IBM in Paris.", "\U0001f469\u200d\U0001f692 Ada met IBM."


def units(text: str) -> int:
    """Return the length of a text as a browser counts it."""
    return len(text.encode("utf-16-le")) // 2


def regions(interface: LabelInterface, text: str) -> list[dict[str, Any]]:
    """Return one region of every kind, made by the library."""
    made = [
        ("class", {"choices": ["yes"]}),
        ("rect", {"label": ["car"], "x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0}),
        ("rect", {"label": ["bus"], "x": 50.5, "y": 25.25, "width": 12.5, "height": 50.0}),
        ("poly", {"label": ["car"], "points": [[1.0, 2.0], [30.0, 4.0], [5.0, 60.0]]}),
        ("brush", {"label": ["car"], "rle": [0, 0, 0, 8], "format": "rle"}),
        ("ellipse", {"label": ["car"], "x": 10.0, "y": 72.0, "radiusX": 6.0, "radiusY": 4.0, "rotation": 0}),
        ("point", {"label": ["car"], "x": 37.0, "y": 87.0, "width": 0.5}),
        ("rating", {"rating": 4}),
        ("number", {"number": 37}),
        ("note", {"text": ["a note"]}),
    ]
    found = []
    for name, value in made:
        region = interface.get_control(name).label(**value)._dict()
        found.append(region | (SIZE if region["to_name"] == "img" else {}))
    for word, label in (("Ada", "PER"), ("IBM", "ORG")):
        start = units(text[: text.index(word)])
        region = interface.get_control("ner").label(label=[label], start=start, end=start + units(word))._dict()
        region["value"]["text"] = word  # as the browser's part of Label Studio stores it
        found.append(region)
    return [region | {"id": f"region-{place}"} for place, region in enumerate(found)]


def main() -> None:
    """Write the files."""
    interface = LabelInterface(CONFIG)
    tasks = [
        {
            "id": number,
            "data": {"text": text, "image": f"https://example.org/{number}.png"},
            "annotations": [
                {
                    "id": 10 * number,
                    "completed_by": 7,
                    "ground_truth": True,
                    "was_cancelled": False,
                    "updated_at": "2026-11-01T00:00:00Z",
                    "result": regions(interface, text),
                }
            ],
            "predictions": [],
        }
        for number, text in ((1, PLAIN), (2, BEYOND))
    ]
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "given"
        given.mkdir()
        for task in tasks:
            (given / f"{task['id']}.json").write_text(json.dumps(task))
        converter = Converter(CONFIG, None, download_resources=False)
        converter.convert(str(given), f"{folder}/json", "JSON", is_dir=True)
        converter.convert(str(given), f"{folder}/min", "JSON_MIN", is_dir=True)
        # With key points in its configuration the COCO writer asks for an order of them, which a project need not have.
        images = "".join(line for line in CONFIG.splitlines(keepends=True) if "KeyPoint" not in line)
        Converter(images, None, download_resources=False).convert(str(given), f"{folder}/coco", "COCO", is_dir=True)
        (exported,) = Path(folder, "json").rglob("*.json")
        (small,) = Path(folder, "min").rglob("*.json")
        (coco,) = Path(folder, "coco").rglob("*.json")
        (HERE / "export.json").write_text(json.dumps(json.loads(exported.read_text()), indent=1) + "\n")
        read = {"json_min": json.loads(small.read_text()), "coco": json.loads(coco.read_text())}
        read["coco"].pop("info", None)
        (HERE / "read.json").write_text(json.dumps(read, indent=1) + "\n")


main()
