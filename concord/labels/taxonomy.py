"""A taxonomy: one class out of a tree of them, where a near miss is not as far off as a far one."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from concord.labels.reading import class_in, class_name_in, flag_in, list_in, number_in, object_in, shown, text_in
from concord.labels.schema import (
    CLASS_CHARACTERS_MAX,
    CLASSES_MAX,
    NOTHING_TO_MERGE,
    AlphaMetric,
    Json,
    LabelFault,
    Merged,
    SchemaFault,
    Vote,
)
from concord.labels.voting import CLOSE, heaviest, share_of, total_weight, weight_by

LEVELS_MAX = 30
TOLERANCE_MAX = 0.5


@dataclass(frozen=True, slots=True)
class Node:
    """One class of a tree.

    Attributes:
        id: what a label says.
        title: what people read; empty where it is the id.
        parent: the id of the class that this one is a kind of; None at the top.
    """

    id: str
    title: str = ""
    parent: str | None = None


@dataclass(frozen=True)
class Taxonomy:
    """One class out of a tree. A label is the id of its node: `"dog"`.

    An annotator may send the path from the top in its place, as `["animal", "dog"]`; it is the same label.

    Spec: `{"kind": "taxonomy", "nodes": [{"id": "animal"}, {"id": "dog", "parent": "animal"}, ...]}`, each parent
    before its children, at most CLASSES_MAX nodes on LEVELS_MAX levels, each with a `title` where its id is not for
    people; and, where the defaults do not fit, `inner` (whether a class that has others under it may be a label; false)
    and `tolerance`: how far apart two labels may be and still say the same (0, the very node; at most TOLERANCE_MAX).

    >>> schema = Taxonomy((Node("animal"), Node("dog", parent="animal"), Node("cat", parent="animal"), Node("car")))
    >>> schema.classes, schema.canonical(["animal", "dog"])
    (('dog', 'cat', 'car'), 'dog')
    """

    nodes: tuple[Node, ...]
    inner: bool = False
    tolerance: float = 0.0
    _paths: dict[str, tuple[str, ...]] = field(init=False, repr=False, compare=False)
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    kind: ClassVar[str] = "taxonomy"
    alpha_metric: ClassVar[AlphaMetric | None] = None

    def __post_init__(self) -> None:
        """Check every node and field; raise SchemaFault."""
        put = object.__setattr__
        flag_in(self.inner, "$.inner", SchemaFault)
        put(self, "tolerance", number_in(self.tolerance, "$.tolerance", SchemaFault, 0.0, TOLERANCE_MAX))
        paths: dict[str, tuple[str, ...]] = {}
        nodes = []
        given: object = self.nodes
        if isinstance(given, tuple):
            given = [_written(each) if isinstance(each, Node) else each for each in given]
        for place, each in enumerate(list_in(given, "$.nodes", SchemaFault, 2, CLASSES_MAX)):
            node = _node_in(each, f"$.nodes[{place}]", paths)
            paths[node.id] = (*(paths[node.parent] if node.parent is not None else ()), node.id)
            nodes.append(node)
        put(self, "nodes", tuple(nodes))
        put(self, "_paths", paths)
        parents = {node.parent for node in nodes}
        labels = [node.id for node in nodes if self.inner or node.id not in parents]
        if len(labels) < 2:
            raise SchemaFault("$.nodes", "there is one class to choose", "give two or more without others under them")
        put(self, "_places", {name: place for place, name in enumerate(labels)})

    @property
    def classes(self) -> tuple[str, ...]:
        """All labels, in the order of the nodes: those without others under them, or all where `inner` says so."""
        return tuple(self._places)

    def canonical(self, value: Json) -> str:
        """Return the id of the node that the label, an id or a path, names.

        >>> schema = Taxonomy((Node("animal"), Node("dog", parent="animal"), Node("car")))
        >>> schema.canonical("animal")
        Traceback (most recent call last):
        concord.labels.schema.LabelFault: $: 'animal' has classes under it; use one of them: 'dog'
        """
        path = list_in(value, "$", LabelFault, 1, LEVELS_MAX) if isinstance(value, list) else None
        at = "$" if path is None else f"$[{len(path) - 1}]"
        name = class_in(value if path is None else path[-1], at, self._paths)
        if path is not None:
            self._check_path(path, name)
        if name not in self._places:
            under = ", ".join(shown(node.id) for node in self.nodes if node.parent == name)
            raise LabelFault(at, f"{shown(name)} has classes under it", f"use one of them: {under[:200]}")
        return name

    def _check_path(self, path: Sequence[object], name: str) -> None:
        """Refuse a path that is not the one to its last node."""
        wanted = self._paths[name]
        steps = [class_in(each, f"$[{place}]", self._paths) for place, each in enumerate(path)]
        if (*steps,) != wanted:
            pairs = enumerate(zip(steps, wanted, strict=False))
            place = next((place for place, (step, right) in pairs if step != right), min(len(steps), len(wanted)))
            cure = f"send the path from the top, {', '.join(map(shown, wanted))}, or the last id alone"
            raise LabelFault(f"$[{place}]", f"this is not the path to {shown(name)}", cure)

    def index(self, label: Json) -> int:
        """Return the place of a label among `classes`, from 0.

        >>> Taxonomy((Node("animal"), Node("dog", parent="animal"), Node("car"))).index("car")
        1
        """
        return self._places[str(label)]

    @property
    def ids(self) -> Collection[str]:
        """All nodes, whether or not they are labels."""
        return self._paths.keys()

    def under(self, node_id: str) -> tuple[str, ...]:
        """Return the labels that are a kind of a node, itself among them where it is one.

        >>> Taxonomy((Node("animal"), Node("dog", parent="animal"), Node("car"))).under("animal")
        ('dog',)
        """
        return tuple(label for label in self._places if node_id in self._paths[label])

    def path(self, node_id: str) -> tuple[str, ...]:
        """Return the ids from the top down to a node, itself the last.

        >>> Taxonomy((Node("animal"), Node("dog", parent="animal"), Node("car"))).path("dog")
        ('animal', 'dog')
        """
        return self._paths[node_id]

    def distance(self, entry: Json, other: Json) -> float:
        """Return 1 - 2 s / (a + b), with a and b the levels of the two nodes and s of the last one on both paths.

        Classes without a common one are 1 apart. A node at the top is on level 1.

        Source: Wu and Palmer, Verb semantics and lexical selection, ACL 1994.

        >>> nodes = Node("animal"), Node("dog", parent="animal"), Node("cat", parent="animal"), Node("car")
        >>> Taxonomy(nodes).distance("dog", "cat"), Taxonomy(nodes).distance("dog", "car")
        (0.5, 1.0)
        """
        left, right = self._paths[str(entry)], self._paths[str(other)]
        shared = sum(here == there for here, there in zip(left, right, strict=False))
        return 1.0 - 2 * shared / (len(left) + len(right))

    def says_same(self, entry: Json, other: Json) -> bool:
        """Say whether both are the same node, or at most `tolerance` apart.

        >>> nodes = Node("animal"), Node("dog", parent="animal"), Node("cat", parent="animal"), Node("car")
        >>> Taxonomy(nodes).says_same("dog", "cat"), Taxonomy(nodes, tolerance=0.5).says_same("dog", "cat")
        (False, True)
        """
        return entry == other or self.distance(entry, other) <= self.tolerance + CLOSE

    def merge(self, labels: Sequence[Vote]) -> Merged:
        """Return the node with the most weight; a tie for it is escalated, and its reason names what they share.

        Support is the node's share of the weight: labels that are near it do not stand behind it.

        >>> nodes = Node("animal"), Node("dog", parent="animal"), Node("cat", parent="animal"), Node("car")
        >>> Taxonomy(nodes).merge([Vote("dog"), Vote("cat")]).reason
        'these classes tie: dog, cat; all are animal'
        """
        if not labels:
            return NOTHING_TO_MERGE
        weights = weight_by((self.index(vote.label), vote.weight) for vote in labels)
        first, *tied = sorted(heaviest(weights))
        support = share_of(weights[first], total_weight(labels))
        classes = self.classes
        if not tied:
            return Merged(classes[first], support, "most of the weight")
        names = [classes[place] for place in (first, *tied)]
        levels = zip(*(self._paths[name] for name in names), strict=False)
        shared = [steps[0] for steps in levels if len(set(steps)) == 1]
        reason = f"these classes tie: {', '.join(names)}" + (f"; all are {shared[-1]}" if shared else "")
        return Merged(None, support, reason)

    def spec(self) -> dict[str, Json]:
        """Return the schema as JSON.

        >>> Taxonomy((Node("car"), Node("van", parent="car")), inner=True).spec()["nodes"][1]
        {'id': 'van', 'title': '', 'parent': 'car'}
        """
        nodes: list[Json] = [_written(node) for node in self.nodes]
        return {"kind": self.kind, "nodes": nodes, "inner": self.inner, "tolerance": self.tolerance}


def _written(node: Node) -> dict[str, Json]:
    return {"id": node.id, "title": node.title, "parent": node.parent}


def _node_in(value: object, path: str, known: dict[str, tuple[str, ...]]) -> Node:
    given = object_in(value, path, SchemaFault, ["id"], ["title", "parent"])
    name = class_name_in(given["id"], f"{path}.id")
    if name in known:
        raise SchemaFault(f"{path}.id", f"{shown(name)} stands before already", "name each node once")
    title = text_in(given.get("title", ""), f"{path}.title", SchemaFault, CLASS_CHARACTERS_MAX)
    parent = given.get("parent")
    if parent is None:
        return Node(name, title)
    parent = text_in(parent, f"{path}.parent", SchemaFault, CLASS_CHARACTERS_MAX)
    if parent not in known:
        problem = f"{shown(parent)} is no node that stands before"
        raise SchemaFault(f"{path}.parent", problem, "give a parent before its children, or null at the top")
    if len(known[parent]) >= LEVELS_MAX:
        raise SchemaFault(path, f"it is on level {LEVELS_MAX + 1}", f"use at most {LEVELS_MAX} levels")
    return Node(name, title, parent)
