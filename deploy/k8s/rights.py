"""What each service's Kafka user may do: on topics that exist, and as a member of its own group alone."""

from collections.abc import Iterator

from concord.contracts.topics import INTAKE
from deploy.k8s.catalogue import CLIENT, OPERATOR, SERVICES, intake_alone
from deploy.k8s.render import Manifest
from deploy.k8s.workload import environment, named


def faults(manifests: list[Manifest]) -> Iterator[str]:
    """Yield rights that lead nowhere or too far, and services without a user or a group."""
    topics, users = named(manifests, "KafkaTopic"), named(manifests, "KafkaUser")
    clusters = named(manifests, "Kafka")
    for kind in ("KafkaTopic", "KafkaUser", "KafkaNodePool"):
        for name, entry in named(manifests, kind).items():
            if (cluster := entry["metadata"].get("labels", {}).get("strimzi.io/cluster")) not in clusters:
                yield f"{kind}/{name}: there is no cluster {cluster}"
    for name, cluster in clusters.items():
        yield from (f"Kafka/{name}: {fault}" for fault in _listeners(cluster["spec"]["kafka"]["listeners"]))
    for name, user in users.items():
        yield from (f"KafkaUser/{name}: {fault}" for fault in _rights(name, user, topics))
    yield from _of_services(users, manifests)


def _of_services(users: dict[str, Manifest], manifests: list[Manifest]) -> Iterator[str]:
    """Yield services that go as nobody, or as another."""
    for name, deployment in named(manifests, "Deployment").items():
        if name not in SERVICES:
            continue  # it speaks with no broker, which `doors` sees to
        try:
            username = environment(deployment, manifests).get("CONCORD_KAFKA_USERNAME")
        except KeyError:
            continue  # a reference that leads nowhere, which is told on its own
        if username not in users:
            yield f"Deployment/{name}: there is no Kafka user {username}"
        elif username != name:
            # A service joins the group of its own name, whatever its user is called.
            yield f"Deployment/{name}: goes as the Kafka user {username}, which may not join the group {name}"


def _listeners(listeners: list[Manifest]) -> Iterator[str]:
    """Yield what a listener for outside leaves open: whoever it lets in could take the services' room."""
    for listener in listeners:
        if listener["type"] == "internal":
            continue
        bounds = listener.get("configuration", {})
        for bound in ("maxConnections", "maxConnectionCreationRate"):
            if bound not in bounds:
                yield f"its listener {listener['name']} is for outside and has no {bound}"


def _rights(name: str, user: Manifest, topics: dict[str, Manifest]) -> Iterator[str]:
    if name == OPERATOR:
        acls = user["spec"]["authorization"]["acls"]
        yield from (f"it may {acl['operations']}, and should look" for acl in acls if acl["operations"] != ["Describe"])
    elif name.startswith(CLIENT):
        yield from _client(user)
    else:
        yield from _user(name, user, topics)


def _user(name: str, user: Manifest, topics: dict[str, Manifest]) -> Iterator[str]:
    groups = []
    for acl in user["spec"]["authorization"]["acls"]:
        resource = acl["resource"]
        if resource["patternType"] != "literal" or resource["name"] == "*":
            yield f"its right on {resource['type']} {resource['name']} is for more than one {resource['type']}"
        elif resource["type"] == "group":
            groups.append((resource["name"], acl["operations"]))
        elif "Create" in acl["operations"]:
            if not resource["name"].startswith(f"{name}-"):
                yield f"it may create the topic {resource['name']}, whose name is not its own"
        elif "Delete" in acl["operations"] and resource["name"] != INTAKE.name:
            yield f"it may delete records of {resource['name']}, which clients do not write"
        elif resource["name"] not in topics:
            yield f"there is no topic {resource['name']}"
    if groups != [(name, ["Read"])]:
        yield f"it may join {groups}, and should the group {name}"


def _client(user: Manifest) -> Iterator[str]:
    if user["spec"]["authorization"]["acls"] != intake_alone():
        yield "it may more than write the intake, or not even that"
    if "producerByteRate" not in user["spec"].get("quotas", {}):
        yield "it may send as much as it likes"
