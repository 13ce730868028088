"""Who calls: a subject with roles, and the client whose data it may touch."""

import enum
from dataclasses import dataclass


class Role(enum.StrEnum):
    """What a caller may be."""

    CLIENT = "client"
    ANNOTATOR = "annotator"
    ADJUDICATOR = "adjudicator"
    AUDITOR = "auditor"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller whose credential held.

    Attributes:
        subject: who, as the credential names it: an annotator's id, a reviewer's, an API key's id.
        roles: what it may be here.
        client_id: the client whose data it may touch; None for people who work for many clients and for operators.
    """

    subject: str
    roles: frozenset[Role]
    client_id: str | None = None

    def may(self, *roles: Role) -> bool:
        """Return whether the caller has one of these roles."""
        return not self.roles.isdisjoint(roles)
