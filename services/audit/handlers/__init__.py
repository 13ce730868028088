"""What audit does: one concern a file.

`hearing` takes in what other services tell, `inspection` lists work for auditors and takes their labels, `turns` takes
every lot of which there is news as far as it goes, `drawing` draws samples, `verdicts` judges, `certificates` issues
what is claimed, `series` keeps what a project's lots come to together and how severely the next is inspected, `radius`
notes who is at fault for a rejection and holds other lots for it, `rechecks` has units that left labelled once more
when something has moved or who labelled them is at fault, `exports` hands over what was accepted, `payloads` reads what
was labelled for it, `manifests` tells what an export holds, and `ledgers` what became of units, so that every number
can be made again. `outputs` takes what clients' models say, and `feedback` holds it against what was accepted; `ages`
tells how long lots have waited.
"""

from dataclasses import dataclass

from services.audit.handlers.ages import Ages
from services.audit.handlers.certificates import Certificates, NothingCorrected, NothingWithdrawn, Overtaken
from services.audit.handlers.drawing import Drawing
from services.audit.handlers.exports import Exports
from services.audit.handlers.feedback import Feedback
from services.audit.handlers.hands import HandIndex
from services.audit.handlers.hearing import Hearing
from services.audit.handlers.inspection import Inspecting, LabelRefused, Listed
from services.audit.handlers.ledgers import Ledgers
from services.audit.handlers.manifests import BeingMade, Manifests
from services.audit.handlers.means import Means
from services.audit.handlers.outputs import Outputs
from services.audit.handlers.radius import BlastRadius
from services.audit.handlers.rechecks import NobodyAtFault, NothingToRecheck, Rechecks
from services.audit.handlers.series import Standing
from services.audit.handlers.turns import Turns
from services.audit.handlers.verdicts import Verdicts

__all__ = [
    "BeingMade",
    "Handlers",
    "LabelRefused",
    "Listed",
    "Means",
    "NobodyAtFault",
    "NothingCorrected",
    "NothingToRecheck",
    "NothingWithdrawn",
    "Overtaken",
    "Turns",
]


@dataclass(frozen=True, slots=True)
class Handlers:
    """Audit's use cases."""

    means: Means
    hearing: Hearing
    inspecting: Inspecting
    certificates: Certificates
    exports: Exports
    manifests: Manifests
    ledgers: Ledgers
    standing: Standing
    turns: Turns
    outputs: Outputs
    feedback: Feedback
    rechecks: Rechecks
    ages: Ages

    @classmethod
    def of(cls, means: Means) -> "Handlers":
        """Return the use cases over the same means."""
        standing = Standing(means)
        hands = HandIndex(means.repository.store)
        rechecks = Rechecks(means, hands)
        blast_radius = BlastRadius(means, standing, hands, rechecks)
        drawing, verdicts = Drawing(means, standing, blast_radius), Verdicts(means, standing, blast_radius)
        turns = Turns(means, drawing, verdicts, rechecks, blast_radius)
        certificates, exports = Certificates(means, standing), Exports(means)
        manifests = Manifests(means, exports, certificates)
        return cls(
            means, Hearing(means), Inspecting(means), certificates, exports, manifests, Ledgers(means), standing, turns,
            Outputs(means), Feedback(means), rechecks, Ages(means),
        )  # fmt: skip
