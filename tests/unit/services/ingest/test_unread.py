"""What a policy says and nothing follows from is told, and is told no more once something does."""

import msgspec
import pytest

from services.ingest.domain.project import Audit, Fatigue, Gold, Policy, Privacy
from services.ingest.domain.unread import HANGS_ON, without_effect

SEALED = Privacy(reidentification="sealed")
WHOLE = Audit(on_reject="inspect_all", rejections_max=3)


@pytest.mark.parametrize(
    ("path", "alone", "read"),
    [
        ("privacy.reidentification", SEALED, Privacy({"email": "mask"}, reidentification="sealed")),
        ("privacy.regions", Privacy(regions=("DE",)), Privacy({"phone": "mask"}, regions=("DE",))),
        ("audit.fraction", Audit(fraction=0.2), Audit("fraction", 0.2)),
        ("audit.level", Audit(level="III"), Audit("iso_2859_1", level="III")),
        ("audit.reduction", Audit(reduction=True), Audit("iso_2859_1", reduction=True)),
        ("audit.rejections_max", WHOLE, Audit(rejections_max=3)),
        ("audit.recheck_pause_hours", Audit(recheck_pause_hours=1), Audit(recheck_pause_hours=1, recheck_units=5)),
        ("fatigue.break_seconds", Fatigue(break_seconds=9), Fatigue(breaks=True, break_seconds=9)),
        ("gold.attempts_max", Gold(attempts_max=9), Gold(attempts_max=9, retrain_units=1)),
        ("gold.qualify_units_max", Gold(qualify_units_max=9), Gold(qualify_units_max=9, qualify="once")),
    ],
)
def test_a_field_is_told_until_what_it_hangs_on_is_there(
    path: str, alone: msgspec.Struct, read: msgspec.Struct
) -> None:
    room = path.partition(".")[0]
    assert without_effect(msgspec.structs.replace(Policy(), **{room: alone})) == (f"policy.{path}",)
    assert without_effect(msgspec.structs.replace(Policy(), **{room: read})) == ()


def test_who_may_ask_nothing_may_ask_nothing_though_nothing_is_replaced() -> None:
    assert without_effect(Policy(privacy=Privacy(reidentification="none"))) == ()


def test_every_path_is_a_fields_and_defaults_are_never_told() -> None:
    assert without_effect(Policy()) == ()
    for path in HANGS_ON:
        room, field = path.split(".")[1:]
        assert hasattr(getattr(Policy(), room), field), path
