"""Croissant 1.1 with its RAI vocabulary: what a machine can read of a snapshot in Parquet.

Source: MLCommons, Croissant format specification 1.1 and Croissant RAI 1.0.
"""

from collections.abc import Sequence
from typing import Any

from concord.exports.form import Form
from concord.exports.snapshot import FileFacts, Snapshot
from concord.exports.table import Column, columns
from concord.labels import LabelSchema

CONFORMS_TO = ("http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0")
RECORDS = "records"
_TYPES = {"real": "sc:Float", "whole": "sc:Integer"}
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(form: Form, schema: LabelSchema, snapshot: Snapshot, files: Sequence[FileFacts]) -> dict[str, Any]:
    """Return the description of an export in Parquet, as JSON-LD; records are those of all its files, in order."""
    distribution = [
        {
            "@type": "cr:FileObject",
            "@id": file.name,
            "name": file.name,
            "contentUrl": file.name,
            "contentSize": f"{file.bytes} B",
            "encodingFormat": "application/x-parquet",
            "sha256": file.sha256,
        }
        for file in files
    ]
    everything = {
        "@type": "cr:FileSet",
        "@id": "files",
        "name": "files",
        "containedIn": [{"@id": file.name} for file in files],
        "encodingFormat": "application/x-parquet",
        "includes": "*.parquet",
    }
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": list(CONFORMS_TO),
        "name": snapshot.project_id,
        "description": f"Issue {snapshot.issue} of project {snapshot.project_id}: {snapshot.units} labelled units. "
        f"{snapshot.quality}",
        "version": f"{snapshot.issue}.0.0",
        "datePublished": snapshot.issued_at,
        "distribution": [*distribution, everything],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": RECORDS,
                "name": RECORDS,
                "field": [_field(column, schema) for column in columns(form)],
            }
        ],
        **_responsible(form, schema, snapshot),
    }


def _field(column: Column, schema: LabelSchema) -> dict[str, Any]:
    kind = _TYPES.get(column.holds, "sc:Text")
    if column.holds == "label":
        kind = {"rating": "sc:Integer", "number": "sc:Float"}.get(schema.kind, "sc:Text")
    return {
        "@type": "cr:Field",
        "@id": f"{RECORDS}/{column.name}",
        "name": column.name,
        "dataType": kind,
        "source": {"fileSet": {"@id": "files"}, "extract": {"column": column.name}},
    }


def _responsible(form: Form, schema: LabelSchema, snapshot: Snapshot) -> dict[str, Any]:
    """Return what is said in the RAI vocabulary: each from the certificate, and nothing that it does not claim."""
    versions = ", ".join(map(str, snapshot.guideline_versions)) or "none"
    each = snapshot.annotations / snapshot.units if snapshot.units else 0.0
    return {
        "rai:dataAnnotationPlatform": ["Concord"],
        "rai:dataAnnotationProtocol": f"Labels of kind {schema.kind}, given independently under guideline version "
        f"{versions}; where annotators disagreed, more were asked, and then an adjudicator who had no part in the unit "
        "ruled. A sample of every lot was labelled blind by an auditor who had no part in it, and a lot left only when "
        "its acceptance plan said so.",
        "rai:annotationsPerItem": f"{each:.3f} on average over {snapshot.units} units ({snapshot.annotations} in all)",
        "rai:dataAnnotationAnalysis": [
            snapshot.quality,
            f"Certificate, SHA-256 of its canonical form: {snapshot.certificate_sha256}",
        ],
        "rai:annotatorDemographics": ["Not recorded."],
        "rai:dataLimitations": [
            "A label is called wrong by the word of one auditor; how often auditors err is not in these figures.",
            "Nothing is recorded of where the units come from, nor of the people whom they are about.",
        ],
        "rai:dataBiases": ["Not assessed: it would take what is not recorded, see the limitations."],
        "rai:dataReleaseMaintenancePlan": "An issue is never changed. What is erased is left out of every export from "
        "then on, and a signed list of withdrawals says which lines are gone; what is accepted later is in the next "
        "issue.",
        "rai:personalSensitiveInformation": ["Data is included; see the project's anonymisation policy."]
        if form.data
        else ["No labelled content is included; annotators are told by codes."],
    }
