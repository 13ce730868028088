"""What the workbench refuses to start with."""

from pathlib import Path

import pytest

from concord.chassis.settings import SettingsRefused
from tests.support.workbench import environment
from workbench.settings import WorkbenchSettings

PRODUCTION = {
    "CONCORD_ENVIRONMENT": "production",
    "CONCORD_WORKBENCH_ISSUER_KEY": "",
    "CONCORD_WORKBENCH_URL": "https://work.example",
    "CONCORD_OIDC_ISSUER": "https://login.example/",
    "CONCORD_OIDC_CLIENT_ID": "workbench",
    "CONCORD_WORKBENCH_SECRET": "wIq8Zr0nVx3cT6yLb1mKd9sHf2jPg5uE",
}


def test_production_starts_with_an_issuer_and_https(tmp_path: Path) -> None:
    settings = WorkbenchSettings.from_environment(environment(tmp_path, "http://assign:8000", file=None, **PRODUCTION))
    assert settings.over_https
    assert settings.services.by_name()["audit"] == "http://assign:8000"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONCORD_WORKBENCH_ISSUER_KEY", "issuer.pem"),
        ("CONCORD_WORKBENCH_URL", "http://work.example"),
        ("CONCORD_WORKBENCH_URL", "https://work.example/path"),
        ("CONCORD_OIDC_ISSUER", ""),
        ("CONCORD_OIDC_CLIENT_ID", ""),
        ("CONCORD_WORKBENCH_SECRET", "sample-workbench-secret-of-the-local-stack"),
        ("CONCORD_WORKBENCH_SECRET", f"{PRODUCTION['CONCORD_WORKBENCH_SECRET']},short"),
        ("CONCORD_WORKBENCH_SECRET", f"{PRODUCTION['CONCORD_WORKBENCH_SECRET']},"),
        ("CONCORD_WORKBENCH_SECRET", ",".join([PRODUCTION["CONCORD_WORKBENCH_SECRET"]] * 3)),
        ("CONCORD_WORKBENCH_SECRET", f"{PRODUCTION['CONCORD_WORKBENCH_SECRET']},sample-workbench-secret-of-the-local"),
        ("CONCORD_WORKBENCH_MEDIA_ORIGINS", "https://media.example, *"),
        ("CONCORD_WORKBENCH_ASSIGN", "assign:8000"),
        ("CONCORD_WORKBENCH_OWNERS_WITHIN", "10.42.0.0/16, pods.example"),
        ("CONCORD_WORKBENCH_OWNERS_WITHIN", "10.42.0.1/16"),
    ],
)
def test_what_would_let_anybody_in_or_lead_nowhere_is_refused_by_name(name: str, value: str, tmp_path: Path) -> None:
    wrong = environment(tmp_path, "http://assign:8000", file=None, **PRODUCTION)
    with pytest.raises(SettingsRefused) as refused:
        WorkbenchSettings.from_environment({**wrong, name: value})
    assert {problem.name for problem in refused.value.problems} == {name}
