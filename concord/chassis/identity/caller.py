"""Who calls: a subject with roles, and the client whose data it may touch."""

import enum
from dataclasses import dataclass

from concord.contracts.ids import CLIENT_ID, client_of
from concord.contracts.names import name_from


class Role(enum.StrEnum):
    """What a caller may be."""

    CLIENT = "client"
    ANNOTATOR = "annotator"
    ADJUDICATOR = "adjudicator"
    AUDITOR = "auditor"
    OPERATOR = "operator"
    PRIVACY = "privacy"


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller whose credential held. ValueError when it names a role, a tenant or a subject that cannot be.

    Attributes:
        subject: who, as the credential names it: an annotator's id, a reviewer's, an API key's id.
        roles: what it may be here.
        client_id: the client whose data it may touch; None for people who work for many clients and for operators.
    """

    subject: str
    roles: frozenset[Role]
    client_id: str | None = None

    def __post_init__(self) -> None:
        # Not composed here: a credential is compared to the byte (RFC 7519, section 2).
        if name_from(self.subject) != self.subject:
            raise ValueError("a subject is sent composed (Unicode NFC)")
        if self.client_id is None:
            if Role.CLIENT in self.roles:
                raise ValueError("the role client needs a client_id")
        elif not CLIENT_ID.fullmatch(self.client_id):
            raise ValueError(f"a client_id matches {CLIENT_ID.pattern}")

    @property
    def key(self) -> str:
        """Return what tells callers apart: somebody bound to a client is another caller than without."""
        return f"{self.client_id or ''}/{self.subject}"

    @property
    def tenant(self) -> str:
        """Return the client whose data this caller may touch; asked only behind a guard that lets in clients alone."""
        assert self.client_id is not None, "the guard must let in the role client alone"
        return self.client_id

    def may_touch(self, any_id: str) -> bool:
        """Return whether an id of ours, which starts with its client's code, is of a client this caller may touch.

        >>> Caller("ann", frozenset(), "k7q2").may_touch("k7q2-u-abc"), Caller("ann", frozenset()).may_touch("x1-u-abc")
        (True, True)
        >>> Caller("ann", frozenset(), "k7q2").may_touch("x1-u-abc")
        False
        """
        return self.client_id is None or self.client_id == client_of(any_id)

    def may(self, *roles: Role) -> bool:
        """Return whether the caller has one of these roles."""
        return not self.roles.isdisjoint(roles)
