"""Exit statuses of the command, each with its one meaning."""

from typing import Final

OK: Final = 0
BROKEN: Final = 1
"""What was to hold does not: a certificate, a ledger, an export."""
USAGE: Final = 2
"""The command line's own: wrong arguments."""
NOBODY_VOUCHES: Final = 3
"""Nothing was changed since it was signed, and nobody whom you trust vouches for it."""
ERASED: Final = 4
"""The ledger holds, and units were erased without which nothing can be made again."""
REFUSED: Final = 5
"""A service refused what was asked; the message says which field, and what to send instead."""
NOT_SIGNED_IN: Final = 6
"""There is no credential, or it may not do this."""
AWAY: Final = 7
"""A service did not answer for as long as was waited; the same command may be given again."""
NOT_YET: Final = 8
"""What was waited for had not come when the time was up."""
IN_PART: Final = 9
"""Some of what was sent was refused; the rest is in."""
STOPPED: Final = 130
"""Somebody stopped it: Ctrl-C, another answer than yes, or whoever read what it wrote has gone. As shells count it."""

MEANINGS: Final = {
    OK: "done",
    BROKEN: "what was to hold does not: certificate, ledger or export",
    USAGE: "wrong arguments",
    NOBODY_VOUCHES: "unchanged since it was signed, and nobody you trust vouches for it",
    ERASED: "the ledger holds, and units were erased since",
    REFUSED: "a service refused; the message has field and cure",
    NOT_SIGNED_IN: "no credential, or one that may not do this",
    AWAY: "a service did not answer; say it again",
    NOT_YET: "what was waited for has not come in time",
    IN_PART: "some of what was sent was refused; the rest is in",
    STOPPED: "stopped: Ctrl-C, a question not answered yes, or nobody reads on",
}
