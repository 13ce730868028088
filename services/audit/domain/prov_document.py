"""A PROV-JSON document (W3C) as it is built: entities, activities, agents, and how they are related.

Source: W3C Member Submission, The PROV-JSON Serialization, 2013; PROV-O: The PROV Ontology, W3C Recommendation, 2013.
"""

from typing import Any

NAMESPACE = "urn:concord:"
Json = dict[str, Any]


class ProvDocument:
    """What was made of what, by which act, by whom; names are of our namespace, as in `c:unit/u1`."""

    def __init__(self) -> None:
        self._said: dict[str, Json] = {"prefix": {"c": NAMESPACE}}

    def entity(self, name: str, **facts: Any) -> str:
        """Add an entity, or what is said of it, and return its name."""
        self._kind("entity")[name] = facts
        return name

    def activity(self, name: str, kind: str, ended: str | None) -> str:
        """Add an activity and return its name."""
        self._kind("activity")[name] = {"prov:type": kind} | ({} if ended is None else {"prov:endTime": ended})
        return name

    def agent(self, name: str, kind: str | Json, **facts: Any) -> str:
        """Add an agent and return its name."""
        self._kind("agent")[name] = {"prov:type": kind, **facts}
        return name

    def relate(self, relation: str, **ends: str) -> None:
        """Add a relation by the names of its ends."""
        relations = self._kind(relation)
        relations[f"_:{relation}{len(relations) + 1}"] = {f"prov:{name}": end for name, end in ends.items()}

    def json(self) -> Json:
        """Return the document; kinds of which there is nothing are left out."""
        return self._said

    def _kind(self, name: str) -> Json:
        return self._said.setdefault(name, {})
