"""A unit's lineage as PROV (W3C), in PROV-JSON: what was made of what, by which act, by whom, under which plan.

The unit and every label are entities; annotating, settling and inspecting are activities; people are agents, under
their codes; a guideline's version is the plan that an annotation follows.
"""

from collections.abc import Sequence

import msgspec

from services.audit.domain.prov_document import Json, ProvDocument


def provenance(unit_id: str, lines: Sequence[str]) -> Json:
    """Return a unit's ledger as a PROV-JSON document; relations of which there are none are left out."""
    document = ProvDocument()
    unit = document.entity(f"c:unit/{unit_id}", **{"prov:type": "c:Unit"})
    label = ""
    for line in lines:
        entry: Json = msgspec.json.decode(line)
        act = f"c:entry/{unit_id}/{entry['entry']}"
        if entry["what"] == "resolved":
            label = _resolved(document, unit, act, entry)
        elif entry["what"] == "inspected":
            document.activity(act, "c:Inspecting", entry["at"])
            document.relate("wasAssociatedWith", activity=act, agent=_person(document, entry["auditor"]))
            document.relate("used", activity=act, entity=label or unit)
            verdict = document.entity(f"{act}/verdict", **{"c:correct": entry["correct"], "c:late": entry["late"]})
            document.relate("wasGeneratedBy", entity=verdict, activity=act)
        elif entry["what"] == "reidentified":
            document.activity(act, "c:Reidentifying", entry["at"])
            document.relate("wasAssociatedWith", activity=act, agent=_person(document, entry["by"]))
            document.relate("used", activity=act, entity=unit)
        elif entry["what"] == "erased":
            document.activity(act, "c:Erasing", entry["at"])
            document.relate("wasInvalidatedBy", entity=unit, activity=act)
        else:
            document.activity(act, f"c:{entry['what'].title()}", entry["at"])
            document.relate("used", activity=act, entity=unit)
    return document.json()


def _person(document: ProvDocument, code: str) -> str:
    return document.agent(f"c:person/{code}", "prov:Person")


def _annotated(document: ProvDocument, unit: str, act: str, annotation: Json) -> str:
    """Tell of one annotation; return its label."""
    annotating = document.activity(act, "c:Annotating", None)
    plan = document.entity(f"c:guideline/{annotation['guideline_version']}", **{"prov:type": "prov:Plan"})
    document.relate(
        "wasAssociatedWith", activity=annotating, agent=_person(document, annotation["annotator"]), plan=plan
    )
    document.relate("used", activity=annotating, entity=unit)
    label = document.entity(
        f"{act}/label",
        **{"c:commitment": annotation["label"]},
        **({"c:revision": annotation["revision"]} if "revision" in annotation else {}),
    )
    document.relate("wasGeneratedBy", entity=label, activity=annotating)
    return label


def _resolved(document: ProvDocument, unit: str, act: str, entry: Json) -> str:
    """Tell of every annotation behind a label, and of the act that settled it; return the label."""
    document.activity(act, "c:Settling", entry["at"])
    for place, annotation in enumerate(entry["annotations"]):
        label = _annotated(document, unit, f"{act}/annotation/{place}", annotation)
        document.relate("used", activity=act, entity=label)
    for number, referral in enumerate(entry.get("referrals", ())):
        back = document.activity(f"{act}/referral/{number}", "c:ReferringBack", referral["at"])
        document.relate("wasAssociatedWith", activity=back, agent=_person(document, referral["adjudicator"]))
        document.relate("used", activity=back, entity=unit)
        for place, annotation in enumerate(entry["set_aside"]):
            if annotation.get("referral", 0) == number:
                label = _annotated(document, unit, f"{act}/set-aside/{place}", annotation)
                document.relate("wasInvalidatedBy", entity=label, activity=back)
    settled = document.entity(
        f"{act}/label", **{"c:commitment": entry["label"], "c:method": entry["method"], "c:rework": entry["rework"]}
    )
    document.relate("wasGeneratedBy", entity=settled, activity=act)
    document.relate("wasDerivedFrom", generatedEntity=settled, usedEntity=unit)
    for field, regions in entry.get("regions", {}).items():
        for place, (origin, *annotations) in enumerate(regions):
            region = document.entity(
                "/".join(filter(None, (act, "label/regions", field, str(place)))), **{"c:origin": origin}
            )
            document.relate("hadMember", collection=settled, entity=region)
            for annotation in annotations:
                label = f"{act}/annotation/{annotation}/label"
                document.relate("wasDerivedFrom", generatedEntity=region, usedEntity=label)
    if "adjudicator" in entry:
        document.relate("wasAssociatedWith", activity=act, agent=_person(document, entry["adjudicator"]))
    return settled
