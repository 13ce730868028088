#!/usr/bin/env bash
# Seen with pylabel 0.1.55 and pandas 2.3.3: a COCO file with a picture that has no annotation is read and written as COCO
# again with an annotation more: what stood before that picture stands twice, under the same id and at its own picture.
# Three annotations become five where two pictures are empty. Ids that were from 1 are from 0, which pycocotools counts
# as missed. No warning is given.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet pylabel==0.1.55 pandas==2.3.3
cd "$folder"
"$folder/environment/bin/python" - 2>/dev/null <<'PYTHON'
import json
from pathlib import Path

from pylabel import importer

of_pictures = {1: 1, 2: 0, 3: 2, 4: 0}
annotations = [
    {"image_id": picture, "category_id": 1, "bbox": [10.0 * number, 5.0, 4.0, 4.0], "area": 16.0, "iscrowd": 0}
    for picture, count in of_pictures.items()
    for number in range(count)
]
data = {
    "images": [{"id": n, "file_name": f"{n}.jpg", "width": 100, "height": 50} for n in of_pictures],
    "categories": [{"id": 1, "name": "dog", "supercategory": "animal"}],
    "annotations": [{"id": number, "segmentation": [], **entry} for number, entry in enumerate(annotations, 1)],
}
Path("read.json").write_text(json.dumps(data))
importer.ImportCoco("read.json", path_to_images=".", name="pets").export.ExportToCoco("written.json", cat_id_index=None)
written = json.loads(Path("written.json").read_text())["annotations"]
seen = [(entry["id"], entry["image_id"], entry["bbox"][0]) for entry in written]
print(f"{len(annotations)} annotations became {len(seen)}: {seen}")
assert len(annotations) == 3
assert seen == [(0, 1, 0.0), (0, 1, 0.0), (2, 3, 0.0), (3, 3, 10.0), (3, 3, 10.0)], seen
PYTHON
