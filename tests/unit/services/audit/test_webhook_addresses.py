"""Which addresses webhooks may lead to: the public internet's, by https, and no other however it is written."""

import dataclasses

import pytest

from concord.chassis.settings import SettingsRefused
from services.audit.domain.addresses import UrlRefused, check_url, is_public
from services.audit.settings import AuditSettings
from simulation.house import ENVIRONMENT

INSIDE = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "100.100.100.200", "192.0.0.192", "192.88.99.1", "192.0.2.1", "198.18.0.1",
    "224.0.0.1",    "240.0.0.1", "255.255.255.255", "168.63.129.16",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::ffff:168.63.129.16", "::7f00:1",
    "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:5ef5:79fb::1",
    "2001:20::1", "3fff::1", "100::1", "5f00::1", "4000::1",
    "localhost", "", "127.1", "2130706433", "0x7f000001", "1.2.3.4.5",
)  # fmt: skip
PUBLIC = ("93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "172.32.0.1", "100.128.0.1")


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_that_is_not_of_the_public_internet_is_none(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet_is_one(address: str) -> None:
    assert is_public(address)


TAKEN = (
    "https://hooks.example.org", "https://hooks.example.org/", "https://hooks.example.org:443/a/b?c=d%20e&f",
    "https://HOOKS.example.org/a_b~c", "https://8.8.8.8/", "https://[2606:4700::1111]/in",
    "https://xn--bcher-kva.example/", "https://1.example.org/",
)  # fmt: skip
REFUSED = (
    "", "http://hooks.example.org/", "ftp://hooks.example.org/", "https://", "https:///in", "//hooks.example.org/",
    "https://hooks.example.org:80/", "https://hooks.example.org:8443/", "https://hooks.example.org:/",
    "https://user@hooks.example.org/", "https://user:word@hooks.example.org/", "https://hooks.example.org/#part",
    "https://hooks.example.org\\@evil.example/", "https://hooks.example.org /", "https://hooks.example.org/a b",
    "https://hooks.example.org/\r\nx: y", "https://hooks.example.org/\u00fc", "https://b\u00fccher.example/",
    "https://localhost/", "https://audit/", "https://127.0.0.1/", "https://127.1/", "https://2130706433/",
    "https://0x7f000001/", "https://0x7f.1/", "https://0177.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
    "https://[fe80::1%25eth0]/", "https://169.254.169.254/latest/meta-data", "https://10.0.0.1/",
    "https://example.org" + "/a" * 500, "https://-example.org/", "https://example.org./",
)  # fmt: skip


@pytest.mark.parametrize("url", TAKEN)
def test_a_plain_https_address_outside_is_taken(url: str) -> None:
    check_url(url, inside=False)


@pytest.mark.parametrize("url", REFUSED)
def test_any_other_address_is_refused_with_a_cure(url: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        check_url(url, inside=False)
    assert refused.value.cure in str(refused.value)


def test_on_the_local_stack_http_and_any_port_of_this_machine_are_taken_and_no_odd_form() -> None:
    for url in ("http://127.0.0.1:8080/in", "http://localhost:9/", "https://[::1]:1/"):
        check_url(url, inside=True)
    for url in ("http://user@127.0.0.1/", "file:///etc/passwd", "http://127.0.0.1/#a"):
        with pytest.raises(UrlRefused):
            check_url(url, inside=True)


def test_outside_the_local_stack_webhooks_into_the_network_are_refused_at_the_start() -> None:
    local = {**ENVIRONMENT, "CONCORD_WEBHOOKS_INSIDE": "true"}
    assert AuditSettings.from_environment(local).webhooks.inside
    assert not AuditSettings.from_environment(ENVIRONMENT).webhooks.inside
    secrets = {
        name: f"abcdefghijklmnopqrstuvwxyz0123456789-{name}"
        for name in (
            "CONCORD_API_KEY_PEPPER",
            "CONCORD_PAYLOAD_LINK_SECRET",
            "CONCORD_SAMPLE_SECRET",
            "CONCORD_ID_SECRET",
            "CONCORD_CERTIFICATE_SEED",
            "CONCORD_WEBHOOK_SECRET",
        )
    }
    production = {**ENVIRONMENT, **secrets, "CONCORD_ENVIRONMENT": "production", "CONCORD_TRANSPORT": "plain"}
    settings = AuditSettings.from_environment(production)
    assert "abcdef" not in str(dataclasses.asdict(settings))
    with pytest.raises(SettingsRefused, match="CONCORD_WEBHOOKS_INSIDE is set outside the local stack"):
        AuditSettings.from_environment({**production, "CONCORD_WEBHOOKS_INSIDE": "true"})
    with pytest.raises(SettingsRefused, match="CONCORD_WEBHOOK_SECRET is not set"):
        AuditSettings.from_environment({**production, "CONCORD_WEBHOOK_SECRET": ""})
