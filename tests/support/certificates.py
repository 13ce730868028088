"""Certificates of servers that tests make, each its own authority."""

import datetime
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID


def certificate(folder: Path, name: str, subject: str = "") -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return how a server of this name speaks TLS, and who trusts it; `certificate.pem` of the folder says whom.

    `subject`: by what it is looked up among others; the name unless it is given.
    """
    key, now = generate_private_key(SECP256R1()), datetime.datetime.now(datetime.UTC)
    whose = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject or name)])
    day = datetime.timedelta(days=1)
    made = (
        x509.CertificateBuilder(whose, whose, key.public_key(), x509.random_serial_number(), now - day, now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
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
