"""A service's read models of projects, by place: there between a place's loading and its drop, and at no other time."""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from concord.chassis.errors import Unavailable
from concord.contracts.ids import place_of, slot_of_project

View = TypeVar("View")


class NotHere(Unavailable):
    """The project's place is another process's, or is not loaded: who asked is to ask again, and finds its owner."""

    def __init__(self, project_id: str) -> None:
        super().__init__(
            f"Project {project_id} is being taken over by another process; send the same request again in a second.",
            retry_after_seconds=1,
        )


class ByPlace(Generic[View]):
    """One view a project, made when first asked for, of the places that are held.

    What the journal settles of a project of another's is not taken in: `settled` returns None for it. What is asked of
    such a project raises NotHere, which a door answers with 503 and a consumer leaves to whoever has it now.

    Args:
        places: how many the cluster has.
        make: makes an empty view.
    """

    def __init__(self, places: int, make: Callable[[], View]) -> None:
        self._places = places
        self._make = make
        self._held: dict[int, dict[str, View]] = {}

    def hold(self, place: int) -> None:
        """Keep views of a place from now on: called first when it is loaded, and without effect when it is again."""
        self._held.setdefault(place, {})

    def holds(self, place: int) -> bool:
        """Return whether a place is held."""
        return place in self._held

    def in_place(self, place: int) -> list[tuple[str, View]]:
        """Return the projects of a place that have a view, with it; none of a place that is not held."""
        return list(self._held.get(place, {}).items())

    def drop(self, place: int) -> None:
        """Forget all views of a place."""
        self._held.pop(place, None)

    def of(self, project_id: str) -> View:
        """Return the project's view.

        Raises:
            NotHere: see there.
        """
        if (view := self.settled(project_id)) is None:
            raise NotHere(project_id)
        return view

    def settled(self, project_id: str) -> View | None:
        """Return the view that is to take in what was settled of a project; None when its place is not held."""
        views = self._held.get(place_of(slot_of_project(project_id), self._places))
        if views is None:
            return None
        if (view := views.get(project_id)) is None:
            view = views[project_id] = self._make()
        return view

    def known(self, project_id: str) -> View | None:
        """Return the project's view if there is one."""
        views = self._held.get(place_of(slot_of_project(project_id), self._places))
        return None if views is None else views.get(project_id)

    def let_go(self, project_id: str) -> None:
        """Forget the view of a project of which nothing is open."""
        views = self._held.get(place_of(slot_of_project(project_id), self._places))
        if views is not None:
            views.pop(project_id, None)

    def __iter__(self) -> Iterator[tuple[str, View]]:
        """Yield every project with a view, by place; views may come and go meanwhile."""
        for place in sorted(self._held):
            yield from list(self._held.get(place, {}).items())
