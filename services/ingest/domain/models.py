"""What annotators of kind model are to a project."""

from typing import Literal

import msgspec


class Models(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What annotators of kind model are to the project.

    Attributes:
        counted: "never": a model's label takes no place of a unit's overlap; it is kept and measured. "in_overlap": it
            takes one, and is weighed by what is known of the model.
        humans_min: at least so many people's labels are among those by which a unit is settled.
    """

    counted: Literal["never", "in_overlap"] = "never"
    humans_min: int = 1
