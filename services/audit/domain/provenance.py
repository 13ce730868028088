"""A unit's lineage as PROV (W3C), in PROV-JSON: what was made of what, by which act, by whom, under which plan.

The unit and every label are entities; annotating, settling and inspecting are activities; people are agents, under
their codes; a guideline's version is the plan that an annotation follows.

Source: W3C Member Submission, The PROV-JSON Serialization, 2013; PROV-O: The PROV Ontology, W3C Recommendation, 2013.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

NAMESPACE = "urn:concord:"
RELATIONS = ("wasAssociatedWith", "wasGeneratedBy", "used", "wasDerivedFrom", "wasInvalidatedBy")
Json = dict[str, Any]


class _Document:
    def __init__(self, unit_id: str) -> None:
        self.unit = f"c:unit/{unit_id}"
        self.said: dict[str, Json] = {"prefix": {"c": NAMESPACE}, "entity": {self.unit: {"prov:type": "c:Unit"}}}
        self.said |= {"activity": {}, "agent": {}} | {one: {} for one in RELATIONS}

    def entity(self, name: str, **facts: Any) -> str:
        self.said["entity"][name] = facts
        return name

    def activity(self, name: str, kind: str, ended: str | None) -> str:
        self.said["activity"][name] = {"prov:type": kind} | ({} if ended is None else {"prov:endTime": ended})
        return name

    def agent(self, code: str) -> str:
        name = f"c:person/{code}"
        self.said["agent"][name] = {"prov:type": "prov:Person"}
        return name

    def relate(self, relation: str, **ends: str) -> None:
        relations = self.said[relation]
        relations[f"_:{relation}{len(relations) + 1}"] = {f"prov:{name}": end for name, end in ends.items()}


def provenance(unit_id: str, lines: Sequence[str]) -> Json:
    """Return a unit's ledger as a PROV-JSON document; relations of which there are none are left out."""
    document = _Document(unit_id)
    label = ""
    for line in lines:
        entry: Json = msgspec.json.decode(line)
        act = f"c:entry/{unit_id}/{entry['entry']}"
        if entry["what"] == "resolved":
            label = _resolved(document, act, entry)
        elif entry["what"] == "inspected":
            document.activity(act, "c:Inspecting", entry["at"])
            document.relate("wasAssociatedWith", activity=act, agent=document.agent(entry["auditor"]))
            document.relate("used", activity=act, entity=label or document.unit)
            verdict = document.entity(f"{act}/verdict", **{"c:correct": entry["correct"], "c:late": entry["late"]})
            document.relate("wasGeneratedBy", entity=verdict, activity=act)
        elif entry["what"] == "erased":
            document.activity(act, "c:Erasing", entry["at"])
            document.relate("wasInvalidatedBy", entity=document.unit, activity=act)
        else:
            document.activity(act, f"c:{entry['what'].title()}", entry["at"])
            document.relate("used", activity=act, entity=document.unit)
    return {name: said for name, said in document.said.items() if said}


def _resolved(document: _Document, act: str, entry: Json) -> str:
    """Tell of every annotation behind a label, and of the act that settled it; return the label."""
    document.activity(act, "c:Settling", entry["at"])
    for place, one in enumerate(entry["annotations"]):
        annotating = document.activity(f"{act}/annotation/{place}", "c:Annotating", None)
        plan = document.entity(f"c:guideline/{one['guideline_version']}", **{"prov:type": "prov:Plan"})
        document.relate("wasAssociatedWith", activity=annotating, agent=document.agent(one["annotator"]), plan=plan)
        document.relate("used", activity=annotating, entity=document.unit)
        said = document.entity(f"{act}/annotation/{place}/label", **{"c:commitment": one["label"]})
        document.relate("wasGeneratedBy", entity=said, activity=annotating)
        document.relate("used", activity=act, entity=said)
    settled = document.entity(
        f"{act}/label", **{"c:commitment": entry["label"], "c:method": entry["method"], "c:rework": entry["rework"]}
    )
    document.relate("wasGeneratedBy", entity=settled, activity=act)
    document.relate("wasDerivedFrom", generatedEntity=settled, usedEntity=document.unit)
    if "adjudicator" in entry:
        document.relate("wasAssociatedWith", activity=act, agent=document.agent(entry["adjudicator"]))
    return settled
