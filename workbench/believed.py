"""Which of an issuer's tokens is handed on: the first that the services will believe, and of whom it is."""

from collections.abc import Mapping
from typing import Any

import jwt

from concord.chassis.errors import Forbidden, Unauthenticated
from concord.chassis.identity import Identity


async def believed(identity: Identity, *tokens: str) -> str:
    """Return the first of these tokens that holds; empty ones are passed over.

    Raises:
        Forbidden: none does.
    """
    problem = "It gave none."
    for token in filter(None, tokens):
        try:
            await identity.caller(f"Bearer {token}")
        except Unauthenticated as refused:
            problem = refused.detail
        else:
            return token
    raise unbelieved(problem)


def unverified(token: str) -> Mapping[str, Any]:
    """Return what a token says that was verified before."""
    found: Mapping[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return found


def unbelieved(problem: str) -> Forbidden:
    """Return the refusal of what an issuer gave."""
    return Forbidden(f"The issuer's token is not believed here: {problem} Tell the operator.")
