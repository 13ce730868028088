import ssl

import pytest

from concord.chassis.broker.kafka_connection import KafkaConnection


def test_a_plain_connection_says_nothing_of_security() -> None:
    options = KafkaConnection(bootstrap="broker:9092", client_id="assign").options()
    assert options["bootstrap_servers"] == "broker:9092"
    assert options["client_id"] == "assign"
    assert options["security_protocol"] == "PLAINTEXT"
    assert not {"ssl_context", "sasl_plain_username", "sasl_plain_password"} & options.keys()


@pytest.mark.parametrize(
    ("security", "encrypted", "authenticated"),
    [("SSL", True, False), ("SASL_PLAINTEXT", False, True), ("SASL_SSL", True, True)],
)
def test_each_protocol_gets_what_it_needs(security: str, encrypted: bool, authenticated: bool) -> None:
    connection = KafkaConnection(
        bootstrap="broker:9092", client_id="assign", security=security, username="assign", password="s3cret"
    )
    options = connection.options()
    assert isinstance(options.get("ssl_context"), ssl.SSLContext) is encrypted
    if encrypted:
        assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
        assert options["ssl_context"].check_hostname
    assert (options.get("sasl_plain_password") == "s3cret") is authenticated
    assert (options.get("sasl_mechanism") == "SCRAM-SHA-512") is authenticated


def test_the_password_does_not_show() -> None:
    connection = KafkaConnection(bootstrap="broker:9092", client_id="assign", username="u", password="s3cret")
    assert "s3cret" not in repr(connection)
    assert "s3cret" not in str(connection)
