"""What each service's Kafka user may do, told here by hand from flow.md's table of topics."""

from deploy.k8s.catalogue import OPERATOR, SERVICES, topics, users

READS = {
    "ingest": {"projects", "annotators", "units", "resolutions", "intake"},
    "assign": {"projects", "annotators", "units", "resolutions", "lots", "quality"},
    "adjudicate": {"projects", "annotators", "units", "annotations", "lots", "quality"},
    "audit": {"projects", "annotators", "units", "resolutions", "lots", "quality"},
    "metrics": {"projects", "annotators", "units", "assignments", "annotations", "resolutions", "lots"},
}
WRITES = {
    "ingest": {"projects", "units", "intake"},  # the intake for dead letters alone, which it sends again
    "assign": {"annotators", "assignments", "annotations"},
    "adjudicate": {"resolutions"},
    "audit": {"lots"},
    "metrics": {"quality"},
}
DELETES = {"ingest": {"intake"}}
"""Of what was read of it, for it is a client's data in the clear."""
OWN = {"metrics": {"metrics-book-by-place-changelog"}}


def test_a_user_reads_and_writes_its_topics_and_joins_its_group_and_no_more() -> None:
    for user in users():
        name = user["metadata"]["name"]
        if name == OPERATOR:
            continue
        rights = {
            (acl["resource"]["type"], acl["resource"]["name"]): set(acl["operations"])
            for acl in user["spec"]["authorization"]["acls"]
        }
        wanted = {("topic", f"concord.{topic}.v1"): {"Describe", "Read"} for topic in READS[name]}
        for topic in WRITES[name]:
            wanted.setdefault(("topic", f"concord.{topic}.v1"), {"Describe"}).add("Write")
        for topic in DELETES.get(name, ()):
            wanted["topic", f"concord.{topic}.v1"].add("Delete")
        wanted |= {("topic", topic): {"Create", "Describe", "Read", "Write"} for topic in OWN.get(name, ())}
        wanted |= {("topic", "concord.dead-letters.v1"): {"Describe", "Read", "Write"}, ("group", name): {"Read"}}
        assert rights == wanted


def test_who_operates_the_cluster_sees_how_far_groups_are_and_reads_nothing() -> None:
    (user,) = [user for user in users() if user["metadata"]["name"] == OPERATOR]
    acls = user["spec"]["authorization"]["acls"]
    assert {tuple(acl["operations"]) for acl in acls} == {("Describe",)}
    named = {(acl["resource"]["type"], acl["resource"]["name"]) for acl in acls}
    assert named == {
        *(("topic", topic["metadata"]["name"]) for topic in topics()),
        *(("topic", name) for names in OWN.values() for name in names),
        *(("group", service) for service in SERVICES),
    }


def test_tables_are_compacted_and_facts_are_kept_for_their_time() -> None:
    kept = {topic["metadata"]["name"]: topic["spec"]["config"] for topic in topics()}
    compacted = {name for name, config in kept.items() if config["cleanup.policy"] == "compact"}
    assert compacted == {"concord.projects.v1", "concord.annotators.v1"}
    assert kept["concord.units.v1"]["retention.ms"] == 30 * 24 * 60 * 60 * 1_000
    assert all("retention.ms" not in kept[name] for name in compacted)
    assert all(config["compression.type"] == "zstd" for config in kept.values())
    # A bound in bytes would delete what nobody has read yet; a disk that fills is told instead.
    assert all("retention.bytes" not in config for config in kept.values())
