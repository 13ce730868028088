#!/usr/bin/env bash
# Seen with spaCy 3.8.18: Doc.to_json writes the knowledge base id of a span that stands in doc.spans, and leaves it (and the
# span's own id) out where the same span stands in doc.ents. So a document whose entities were linked loses all links on
# its way through from_json, while spans of a span group keep theirs. No warning is given.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/environment"
"$folder/environment/bin/pip" install --quiet spacy==3.8.18
"$folder/environment/bin/python" - <<'PYTHON'
import spacy
from spacy.tokens import Doc, Span

pipeline = spacy.blank("en")
document = pipeline("New York is big")
city = Span(document, 0, 2, "GPE", kb_id="Q60", span_id="first")
document.ents, document.spans["linked"] = [city], [city]
after = Doc(pipeline.vocab).from_json(document.to_json())
seen = [(span.text, span.kb_id_) for span in (*after.ents, *after.spans["linked"])]
print(f"entity: {seen[0]}, in a group: {seen[1]}")
assert [(span.kb_id_, span.id_) for span in document.ents] == [("Q60", "first")]
assert seen == [("New York", ""), ("New York", "Q60")], seen
PYTHON
