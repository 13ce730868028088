"""What annotators of kind model are to a project."""

from typing import Literal, NamedTuple

Counted = Literal["never", "in_overlap"]


class Part(NamedTuple):
    """In what part somebody labels a project's units.

    Attributes:
        model: they are a model.
        beside: their labels take no place of a unit's overlap, and do not count.
        humans_min: how many people a unit wants among its annotators, so that a model leaves them room.
    """

    model: bool = False
    beside: bool = False
    humans_min: int = 0

    @property
    def leaves_room(self) -> bool:
        """Whether they are given a unit only where enough places are left to people."""
        return self.model and not self.beside


PERSON = Part()


def part_of(kind: str, counted: str, humans_min: int) -> Part:
    """Return in what part an annotator of a kind labels a project's units.

    Args:
        kind: "human" or "model".
        counted: by its policy; whatever a project does not say is "never".
        humans_min: likewise.

    >>> part_of("human", "never", 1), part_of("model", "", 0).beside
    (Part(model=False, beside=False, humans_min=0), True)
    """
    if kind != "model":
        return PERSON
    return Part(True, False, humans_min) if counted == "in_overlap" else Part(True, True)
