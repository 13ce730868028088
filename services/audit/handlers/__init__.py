"""What audit does: one concern a file.

`hearing` takes in what other services tell, `inspection` lists work for auditors and takes their labels, `turns` takes
every lot of which there is news as far as it goes, `drawing` draws samples, `verdicts` judges, `certificates` issues
what is claimed, and `exports` hands over what was accepted.
"""

from dataclasses import dataclass

from services.audit.handlers.certificates import Certificates, NothingWithdrawn, Overtaken
from services.audit.handlers.drawing import Drawing
from services.audit.handlers.exports import Exports
from services.audit.handlers.hearing import Hearing
from services.audit.handlers.inspection import Inspecting, LabelRefused, Listed
from services.audit.handlers.means import Means
from services.audit.handlers.turns import Turns
from services.audit.handlers.verdicts import Verdicts

__all__ = ["Handlers", "LabelRefused", "Listed", "Means", "NothingWithdrawn", "Overtaken", "Turns"]


@dataclass(frozen=True, slots=True)
class Handlers:
    """Audit's use cases."""

    means: Means
    hearing: Hearing
    inspecting: Inspecting
    certificates: Certificates
    exports: Exports
    turns: Turns

    @classmethod
    def of(cls, means: Means) -> "Handlers":
        """Return the use cases over the same means."""
        turns = Turns(means, Drawing(means), Verdicts(means))
        return cls(means, Hearing(means), Inspecting(means), Certificates(means), Exports(means), turns)
