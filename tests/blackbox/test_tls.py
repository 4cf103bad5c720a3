"""`--tls`: a certificate authority of one's own for development, which real clients trust when they are told of it."""

import shutil
import socket
import ssl
import subprocess
import sys

import pytest
from botocore.exceptions import SSLError

from claviger_server import plain_environment


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


def test_the_hybrid_key_exchange_comes_first(tls_server):
    openssl = shutil.which("openssl")
    groups = subprocess.run(
        [openssl or "false", "list", "-kem-algorithms"], capture_output=True, text=True, check=False
    ).stdout
    if "X25519MLKEM768" not in groups:
        pytest.skip("NOT RUN: needs an openssl of 3.5 or newer, which knows X25519MLKEM768")
    done = subprocess.run(
        [openssl, "s_client", "-connect", f"127.0.0.1:{tls_server.port}", "-groups", "X25519:X25519MLKEM768", "-brief"],
        env=plain_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert "X25519MLKEM768" in done.stdout + done.stderr, done


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
