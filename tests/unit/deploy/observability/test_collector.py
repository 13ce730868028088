"""The collector's config: every part that a pipeline names is there, and it listens where the services send to."""

from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[4] / "deploy"
CONFIG: dict[str, Any] = yaml.safe_load((DEPLOY / "observability" / "collector" / "collector.yaml").read_text())


def test_a_pipeline_names_parts_that_are_there_and_every_part_is_in_one() -> None:
    pipelines = CONFIG["service"]["pipelines"]
    assert set(pipelines) == {"traces", "metrics"}, "what the services send"
    for kind in ("receivers", "processors", "exporters"):
        assert {entry for pipeline in pipelines.values() for entry in pipeline[kind]} == set(CONFIG[kind])
    assert set(CONFIG["service"]["extensions"]) == set(CONFIG["extensions"])
    for name, pipeline in pipelines.items():
        assert pipeline["processors"][0] == "memory_limiter", "it refuses before anything is kept"
        (exporter,) = pipeline["exporters"]
        assert CONFIG["exporters"][exporter]["endpoint"] == f"${{env:{name.upper()}_ENDPOINT}}"


def test_it_listens_where_the_manifests_send_traces_to() -> None:
    (endpoint,) = {
        line.split("=", 1)[1]
        for line in (DEPLOY / "k8s" / "base" / "kustomization.yaml").read_text().split()
        if line.startswith("OTEL_EXPORTER_OTLP_ENDPOINT=")
    }
    assert CONFIG["receivers"]["otlp"]["protocols"]["http"]["endpoint"].endswith(f":{endpoint.rpartition(':')[2]}")
