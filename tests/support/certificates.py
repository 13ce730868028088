"""Certificates of servers that tests make, each its own authority."""

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID


def certificate(folder: Path, name: str, subject: str = "", days: int = 1) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return how a server of this name speaks TLS, and who trusts it; `certificate.pem` of the folder says whom.

    Args:
        folder: where the file is put.
        name: the server's, or its address.
        subject: by what it is looked up among others; the name unless it is given.
        days: how long it holds.
    """
    key, now = generate_private_key(SECP256R1()), datetime.datetime.now(datetime.UTC)
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject or name)])
    day = datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder(
            whose, whose, key.public_key(), x509.random_serial_number(), now - day, now + days * day
        )
        .add_extension(x509.SubjectAlternativeName([_named(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = folder / "certificate.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(file)
    trusted = ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
    return server, trusted


def _named(name: str) -> x509.GeneralName:
    """Return how a certificate says a server's name, or its address."""
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def put(text: bytes, file: Path) -> None:
    """Replace a file at once, as a cluster does with what it mounts."""
    beside = file.with_suffix(".new")
    beside.write_bytes(text)
    beside.replace(file)
