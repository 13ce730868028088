"""Settings are refused all at once, with name and cure, and never show a secret."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from concord.chassis.settings import (
    Environment,
    HttpSettings,
    IdSettings,
    KafkaSettings,
    Secret,
    ServiceSettings,
    SettingsRefused,
    load,
    setting,
)

LOCAL = {
    "CONCORD_ENVIRONMENT": "local",
    "CONCORD_KAFKA_BOOTSTRAP": "127.0.0.1:9092",
    "CONCORD_MONGODB_URI": "mongodb://127.0.0.1:27017",
    "CONCORD_IDENTITY_FILE": "identity.json",
}
GOOD_SECRET = "kX3v9QmT-r5_bYw8LzHc2NfJ7gPdA6sE"


@dataclass(frozen=True, kw_only=True)
class Knobs(ServiceSettings):
    lease_seconds_min: float = setting("CONCORD_TEST_LEASE_SECONDS_MIN", cure="set it to seconds", default=120.0, low=1)
    tags: tuple[str, ...] = setting("CONCORD_TEST_TAGS", cure="separate them by commas", default=())
    blind: bool = setting("CONCORD_TEST_BLIND", cure="set it to true or false", default=True)
    ids: IdSettings


def problems_of(environment: dict[str, str], cls: type = Knobs) -> dict[str, str]:
    with pytest.raises(SettingsRefused) as refused:
        load(cls, environment)
    return {problem.name: problem.problem for problem in refused.value.problems}


def test_a_service_extends_the_settings_with_its_own_knobs() -> None:
    more = {"CONCORD_TEST_LEASE_SECONDS_MIN": "30.5", "CONCORD_TEST_TAGS": "a, b,", "CONCORD_TEST_BLIND": "off"}
    settings = Knobs.from_environment(LOCAL | more)
    assert (settings.lease_seconds_min, settings.tags, settings.blind) == (30.5, ("a", "b"), False)
    assert settings.environment is Environment.LOCAL
    assert settings.identity.file == Path("identity.json")
    assert settings.mongodb.database("assign") == "concord_assign"


def test_everything_that_is_wrong_is_said_at_once_with_its_cure() -> None:
    with pytest.raises(SettingsRefused) as refused:
        Knobs.from_environment({"CONCORD_HTTP_PORT": "70000", "CONCORD_TEST_BLIND": "perhaps"})
    text = str(refused.value)
    for name in (
        "CONCORD_KAFKA_BOOTSTRAP",
        "CONCORD_MONGODB_URI",
        "CONCORD_IDENTITY_FILE",
        "CONCORD_ID_SECRET",
        "CONCORD_API_KEY_PEPPER",
    ):
        assert f"{name} is not set; set it to" in text
    assert "CONCORD_HTTP_PORT is 70000, more than 65535; set it to a free port" in text
    assert "CONCORD_TEST_BLIND is 'perhaps', not one of" in text


@pytest.mark.parametrize(
    ("value", "problem"),
    [("x", "no number"), ("nan", "no finite number"), ("inf", "no finite number"), ("0.5", "less than 1")],
)
def test_numbers_are_finite_and_within_their_bounds(value: str, problem: str) -> None:
    assert problem in problems_of(LOCAL | {"CONCORD_TEST_LEASE_SECONDS_MIN": value})["CONCORD_TEST_LEASE_SECONDS_MIN"]


def test_the_local_stack_may_use_the_sample_secrets() -> None:
    assert load(Knobs, LOCAL).ids.secret.reveal().startswith("sample")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("", "is not set"),
        ("sample-id-secret-of-the-local-stack", "is a sample secret"),
        ("Sample-of-some-other-kind-that-is-long-enough", "is a sample secret"),
        ("short", "has 5 characters"),
        ("abababababababababababababababababab", "different characters"),
    ],
)
def test_outside_the_local_stack_a_weak_secret_is_refused(value: str, problem: str) -> None:
    for environment in ("production", ""):
        found = problems_of({"CONCORD_ENVIRONMENT": environment, "CONCORD_ID_SECRET": value}, IdSettings)
        assert problem in found["CONCORD_ID_SECRET"]


def test_a_good_secret_is_taken_in_production() -> None:
    assert load(IdSettings, {"CONCORD_ID_SECRET": GOOD_SECRET}).secret.key() == GOOD_SECRET.encode()


def test_no_secret_shows_itself() -> None:
    uri = "mongodb://concord:hunter2@store"
    settings = load(Knobs, LOCAL | {"CONCORD_MONGODB_URI": uri, "CONCORD_ID_SECRET": GOOD_SECRET})
    for shown in (repr(settings), str(settings), f"{settings.mongodb.uri}", repr(settings.ids)):
        assert "hunter2" not in shown
        assert GOOD_SECRET not in shown


def test_a_refused_secret_is_not_repeated_in_the_message() -> None:
    with pytest.raises(SettingsRefused) as refused:
        load(IdSettings, {"CONCORD_ID_SECRET": "hunter2-is-short"})
    assert "hunter2" not in str(refused.value)


def test_a_group_checks_across_its_fields() -> None:
    asked = {"CONCORD_KAFKA_BOOTSTRAP": "k:9093", "CONCORD_KAFKA_SECURITY": "SASL_SSL"}
    assert set(problems_of(asked, KafkaSettings)) == {"CONCORD_KAFKA_USERNAME", "CONCORD_KAFKA_PASSWORD"}
    kafka_settings = load(KafkaSettings, asked | {"CONCORD_KAFKA_USERNAME": "ingest", "CONCORD_KAFKA_PASSWORD": "pw"})
    assert (kafka_settings.security, kafka_settings.username, kafka_settings.password) == (
        "SASL_SSL",
        "ingest",
        Secret("pw"),
    )
    assert load(KafkaSettings, {"CONCORD_KAFKA_BOOTSTRAP": "k", "CONCORD_KAFKA_CA_FILE": "ca.pem"}).ca_file == Path(
        "ca.pem"
    )


def test_a_field_that_is_no_setting_is_a_mistake_of_ours() -> None:
    @dataclass(frozen=True)
    class Odd:
        forgotten: int = 3

    with pytest.raises(TypeError, match="forgotten"):
        load(Odd, {})


def test_the_default_of_an_unset_port_holds() -> None:
    assert load(HttpSettings, {"CONCORD_HTTP_PORT": "  "}).port == 8000


def test_places_are_a_power_of_two_and_an_advertised_address_is_scheme_host_and_port() -> None:
    settings = Knobs.from_environment(LOCAL)
    assert (settings.places.count, settings.places.advertised_url) == (8, "")
    body = {"CONCORD_PLACES": "64", "CONCORD_ADVERTISED_URL": "http://[fd00::7]:8000"}
    assert Knobs.from_environment(LOCAL | body).places.count == 64
    assert problems_of(LOCAL | {"CONCORD_PLACES": "12"}) == {"CONCORD_PLACES": "is 12, no power of two"}
    named = ("http://host", "https://host:1", "http://host:1/path", "host:1", "http://user@host:1")
    for address in (*named, "http://host:0", "http://host:65536", "http://host:99999", "http://[fd00:::7]:1"):
        assert list(problems_of(LOCAL | {"CONCORD_ADVERTISED_URL": address})) == ["CONCORD_ADVERTISED_URL"]


PRODUCTION = {
    **LOCAL,
    "CONCORD_ENVIRONMENT": "production",
    "CONCORD_API_KEY_PEPPER": GOOD_SECRET,
    "CONCORD_ID_SECRET": GOOD_SECRET,
    "CONCORD_KAFKA_SECURITY": "SASL_SSL",
    "CONCORD_KAFKA_USERNAME": "assign",
    "CONCORD_KAFKA_PASSWORD": "a password",
    "CONCORD_MONGODB_URI": "mongodb://assign:pw@db:27017/?tls=true",
}


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://assign:pw@a:27017,b:27017/?replicaSet=rs&tls=true",
        "mongodb://assign:pw@a/?SSL=True",
        "mongodb+srv://assign:pw@cluster.example.org/?retryWrites=true",
        "mongodb+srv://cluster.example.org/?authMechanism=MONGODB-X509&tlsCertificateKeyFile=/etc/me.pem",
    ],
)
def test_production_goes_over_tls_as_somebody(uri: str) -> None:
    assert Knobs.from_environment(PRODUCTION | {"CONCORD_MONGODB_URI": uri}).transport == "tls"


@pytest.mark.parametrize(
    ("changed", "name", "problem"),
    [
        ({"CONCORD_KAFKA_SECURITY": "PLAINTEXT"}, "CONCORD_KAFKA_SECURITY", "is PLAINTEXT, in the clear"),
        ({"CONCORD_KAFKA_SECURITY": "SASL_PLAINTEXT"}, "CONCORD_KAFKA_SECURITY", "is SASL_PLAINTEXT, in the clear"),
        ({"CONCORD_MONGODB_URI": "mongodb://assign:pw@db:27017"}, "CONCORD_MONGODB_URI", "asks for no TLS"),
        ({"CONCORD_MONGODB_URI": "mongodb://a:b@db/?tls=false"}, "CONCORD_MONGODB_URI", "asks for no TLS"),
        ({"CONCORD_MONGODB_URI": "mongodb+srv://a:b@db/?tls=false"}, "CONCORD_MONGODB_URI", "asks for no TLS"),
        (
            {"CONCORD_MONGODB_URI": "mongodb://a:b@db/?tls=true&tlsAllowInvalidCertificates=true"},
            "CONCORD_MONGODB_URI",
            "asks for no TLS",
        ),
        ({"CONCORD_MONGODB_URI": "mongodb://db:27017/?tls=true"}, "CONCORD_MONGODB_URI", "names no user"),
    ],
)
@pytest.mark.parametrize("environment", ["production", ""])
def test_production_does_not_start_in_the_clear_unless_told_that_something_else_encrypts(
    changed: dict[str, str], name: str, problem: str, environment: str
) -> None:
    settings = PRODUCTION | changed | {"CONCORD_ENVIRONMENT": environment}
    assert problems_of(settings) == {name: problem}
    assert Knobs.from_environment(settings | {"CONCORD_TRANSPORT": "plain"}).transport == "plain"
    local = LOCAL | changed | {"CONCORD_KAFKA_USERNAME": "a", "CONCORD_KAFKA_PASSWORD": "b"}
    assert Knobs.from_environment(local).environment is Environment.LOCAL
