"""`--tls`: a certificate authority of one's own for development, which real clients trust when they are told of it."""

import socket
import ssl
import struct
import subprocess
import sys

import pytest
from botocore.exceptions import SSLError

X25519 = 0x001D
X25519_MLKEM768 = 0x11EC


@pytest.fixture
def tls_server(new_server):
    server = new_server("--tls", scheme="https")
    server.ca_bundle = server.data_dir / "ca.pem"
    return server.start()


def test_boto3_with_the_bundle(tls_server):
    kms = tls_server.kms()
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"over TLS")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"over TLS"


def test_without_the_bundle(tls_server):
    tls_server.ca_bundle = None
    with pytest.raises(SSLError):
        tls_server.kms().list_keys()


def test_the_lines_to_paste_are_printed(tls_server):
    log = tls_server.log_text()
    for name in ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"]:
        assert f"{name}={tls_server.data_dir}/ca.pem" in log, log


def test_the_aws_cli_by_environment(tls_server):
    aws = [sys.executable, "-m", "awscli"]
    done = subprocess.run(
        [*aws, "kms", "list-keys"], env=tls_server.client_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done


def handshake(server, host, **minimum):
    context = ssl.create_default_context(cafile=server.ca_bundle)
    for name, value in minimum.items():
        setattr(context, name, value)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain:
        with context.wrap_socket(plain, server_hostname=host) as secure:
            return secure.version(), secure.getpeercert()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_the_leaf_names_loopback(tls_server, host):
    version, _ = handshake(tls_server, host)
    assert version == "TLSv1.3"
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(tls_server, "kms.example.com")


def test_versions(tls_server):
    assert handshake(tls_server, "localhost", maximum_version=ssl.TLSVersion.TLSv1_2)[0] == "TLSv1.2"


def client_hello(*groups):
    """A ClientHello of TLS 1.3 that names these groups and offers no key share yet. Source: RFC 8446, section 4.1.2."""

    def vector(width, content):
        return len(content).to_bytes(width, "big") + content

    def extension(number, content):
        return struct.pack(">H", number) + vector(2, content)

    extensions = b"".join(
        [
            extension(0, vector(2, b"\0" + vector(2, b"localhost"))),
            extension(10, vector(2, b"".join(struct.pack(">H", group) for group in groups))),
            extension(13, vector(2, bytes.fromhex("040308040401050308050501"))),
            extension(43, vector(1, b"\x03\x04")),
            extension(51, vector(2, b"")),
        ]
    )
    suites = vector(2, bytes.fromhex("130213011303"))
    body = b"\x03\x03" + bytes(32) + vector(1, bytes(32)) + suites + vector(1, b"\0") + vector(2, extensions)
    return b"\x16\x03\x01" + vector(2, b"\x01" + vector(3, body))


@pytest.mark.parametrize("group", [X25519_MLKEM768, X25519])
def test_the_hybrid_key_exchange(tls_server, group):
    """A client that prefers the hybrid group is asked for a share of it; one that lacks it is served all the same."""
    groups = [group, X25519] if group == X25519_MLKEM768 else [X25519]
    with socket.create_connection(("127.0.0.1", tls_server.port), timeout=30) as connection:
        connection.sendall(client_hello(*groups))
        retry = connection.recv(4096)
    # The extension `key_share` of a HelloRetryRequest holds the selected group alone.
    assert b"\0\x33\0\x02" + struct.pack(">H", group) in retry, retry.hex()


def test_plain_http_to_a_tls_port(tls_server):
    with socket.create_connection(("127.0.0.1", tls_server.port), timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"200" not in connection.recv(1000)[:20]
    assert tls_server.kms().list_keys()["Keys"] == []


def test_the_authority_stays_over_a_restart(tls_server):
    before = tls_server.ca_bundle.read_bytes()
    tls_server.restart()
    assert tls_server.ca_bundle.read_bytes() == before
    assert tls_server.kms().list_keys()["Keys"] == []
