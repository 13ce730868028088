"""A dataset version's provenance as PROV (W3C), in PROV-JSON, from its signed documents and nothing else.

The version, its files, its lots, their certificates and the guideline's versions are entities; annotating, auditing and
issuing are activities; annotators and auditors are groups, for the documents tell their number and not who they are.
What became of a single unit, and who did it under which code, is in the unit's own lineage (`provenance`).
"""

from typing import Any

from services.audit.domain.prov_document import Json, ProvDocument

OF_LOT = ("units", "withdrawn", "adjudicated", "rework", "rejections", "inspected", "errors_found", "errors_corrected")
"""Numbers of a lot's claims that go with it, where it has them."""


def dataset_provenance(certificate: Json, manifest: Json) -> Json:
    """Return the PROV-JSON document of a dataset version.

    Args:
        certificate: the project's, whose signature holds.
        manifest: the export's, whose signature holds.
    """
    document = ProvDocument()
    project_id, issue = certificate["project_id"], manifest["issue"]
    name = f"{project_id}/{issue}"
    dataset = document.entity(
        f"c:dataset/{name}", **{"prov:type": _kind("prov:Collection"), "c:issue": issue, "c:rows": manifest["rows"]}
    )
    issuing = document.activity(f"c:issuing/{name}", "c:Issuing", certificate["issued_at"])
    document.relate("wasGeneratedBy", entity=dataset, activity=issuing)
    signed = _certificate(document, manifest["certificate_sha256"])
    document.relate("wasGeneratedBy", entity=signed, activity=issuing)
    _software(document, certificate, issuing)
    client = document.agent(f"c:client/{certificate['client_id']}", "prov:Organization")
    document.relate("wasAttributedTo", entity=dataset, agent=client)
    for file in manifest["files"]:
        facts = {"prov:type": "c:File", "c:sha256": file["sha256"], "c:rows": file["rows"], "c:bytes": file["bytes"]}
        document.relate(
            "hadMember", collection=dataset, entity=document.entity(f"c:file/{name}/{file['name']}", **facts)
        )
    for lot in certificate["lots"]:
        made = _lot(document, lot)
        document.relate("used", activity=issuing, entity=made)
        document.relate("wasDerivedFrom", generatedEntity=dataset, usedEntity=made, activity=issuing)
        if "certificate_sha256" in lot:
            own = _certificate(document, lot["certificate_sha256"])
            document.relate("wasDerivedFrom", generatedEntity=signed, usedEntity=own, activity=issuing)
    return document.json()


def _lot(document: ProvDocument, lot: Json) -> str:
    """Tell of how a lot was annotated and audited; return it."""
    lot_id, accepted_at = lot["lot_id"], lot.get("accepted_at")
    facts = {f"c:{name}": lot[name] for name in OF_LOT if name in lot}
    made = document.entity(f"c:lot/{lot_id}", **{"prov:type": _kind("prov:Collection"), **facts})
    annotating = document.activity(f"c:annotating/{lot_id}", "c:Annotating", None)
    document.relate("wasGeneratedBy", entity=made, activity=annotating)
    number = {"c:number": lot["annotators"]} if "annotators" in lot else {}
    annotators = document.agent(f"c:annotators/{lot_id}", "c:Annotators", **number)
    for version in lot.get("guideline_versions", ()):
        plan = document.entity(f"c:guideline/{version}", **{"prov:type": _kind("prov:Plan")})
        document.relate("wasAssociatedWith", activity=annotating, agent=annotators, plan=plan)
    if not lot.get("guideline_versions"):
        document.relate("wasAssociatedWith", activity=annotating, agent=annotators)
    auditing = document.activity(f"c:auditing/{lot_id}", "c:Auditing", accepted_at)
    document.relate("used", activity=auditing, entity=made)
    document.relate("wasInformedBy", informed=auditing, informant=annotating)
    document.relate("wasAssociatedWith", activity=auditing, agent=document.agent("c:auditors", "c:Auditors"))
    if "certificate_sha256" in lot:
        own = _certificate(document, lot["certificate_sha256"])
        document.relate("wasGeneratedBy", entity=own, activity=auditing)
    return made


def _certificate(document: ProvDocument, sha256: str) -> str:
    return document.entity(f"c:certificate/{sha256}", **{"prov:type": "c:Certificate"})


def _software(document: ProvDocument, certificate: Json, issuing: str) -> None:
    """Tell what issued it and with which key it was signed."""
    software: dict[str, Any] = certificate.get("software") or {"name": "concord", "version": "unknown"}
    agent = document.agent(
        f"c:software/{software['name']}-{software['version']}",
        _kind("prov:SoftwareAgent"),
        **{"c:version": software["version"], "c:kid": certificate["key"]["kid"]},
    )
    document.relate("wasAssociatedWith", activity=issuing, agent=agent)


def _kind(name: str) -> dict[str, str]:
    """Return a type of PROV's own, typed as PROV-JSON has qualified names."""
    return {"$": name, "type": "prov:QUALIFIED_NAME"}
