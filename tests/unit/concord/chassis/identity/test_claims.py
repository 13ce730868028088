"""Which claims say who somebody is, wherever their issuer puts them."""

from typing import Any

import msgspec
import pytest

from concord.chassis.identity import ClaimMapping, IdentityFile, Role

REALM = {"roles": ["realm_access", "roles"]}
URL = "https://x.example/roles"
SAID = {"sub": "auth0|7", "aud": "concord"}


@pytest.mark.parametrize(
    ("mapping", "claims", "who"),
    [
        ({}, {"roles": ["auditor", "janitor"]}, ("auth0|7", {"auditor"}, None)),
        ({}, {"roles": "auditor"}, ("auth0|7", set(), None)),
        ({}, {"roles": ["client"], "client_id": "k7q2"}, ("auth0|7", {"client"}, "k7q2")),
        (REALM, {"realm_access": {"roles": ["auditor"]}}, ("auth0|7", {"auditor"}, None)),
        (REALM, {"realm_access": ["auditor"]}, ("auth0|7", set(), None)),
        ({"roles": [URL]}, {URL: ["auditor"]}, ("auth0|7", {"auditor"}, None)),
        ({"role_names": {"judges": "auditor"}}, {"roles": ["judges", "operator"]}, ("auth0|7", {"auditor"}, None)),
        ({"client_id": []}, {"client_id": "workbench", "roles": ["auditor"]}, ("auth0|7", {"auditor"}, None)),
        ({"client_id": ["tenant"]}, {"client_id": "workbench", "tenant": "k7q2"}, ("auth0|7", set(), "k7q2")),
        ({"subject": ["email"]}, {"email": "zoe@example.org", "roles": []}, ("zoe@example.org", set(), None)),
    ],
)  # fmt: skip
def test_who_somebody_is_stands_where_the_mapping_says(mapping: Any, claims: Any, who: Any) -> None:
    caller = msgspec.convert(mapping, ClaimMapping).caller({**SAID, **claims})
    assert (caller.subject, set(map(str, caller.roles)), caller.client_id) == who


@pytest.mark.parametrize(
    ("mapping", "claims"),
    [
        ({"subject": ["email"]}, {}),
        ({}, {"sub": 7}),
        ({}, {"client_id": 7}),
        ({"client_id": ["tenant"]}, {"tenant": []}),
    ],
)
def test_claims_that_name_nobody_or_would_leave_a_bound_unsaid_are_refused(mapping: Any, claims: Any) -> None:
    with pytest.raises(ValueError, match=r"is no text|is a text"):
        msgspec.convert(mapping, ClaimMapping).caller({**SAID, **claims})


def test_a_role_that_is_none_of_ours_is_refused_when_the_file_is_read() -> None:
    file = {"issuer": "i", "audience": "a", "claims": {"role_names": {"judges": "judge"}}}
    with pytest.raises(msgspec.ValidationError, match="judge"):
        msgspec.convert(file, IdentityFile)
    file["claims"] = {"role_names": {"judges": "adjudicator"}}
    assert msgspec.convert(file, IdentityFile).claims.role_names == {"judges": Role.ADJUDICATOR}
