"""HTTP/2 with prior knowledge, by a client that signs for itself: curl."""

import base64
import json
import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="NOT RUN: curl is missing (apt-get install curl)")


def features():
    return subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout


def post(server, operation, body, *options):
    """The HTTP version, the status and the parsed answer of one request over HTTP/2."""
    command = [
        "curl", "--silent", "--show-error", "--http2-prior-knowledge",
        "--aws-sigv4", "aws:amz:us-east-1:kms",
        "--user", f"{server.admin.access_key_id}:{server.admin.secret}",
        "--header", "content-type: application/x-amz-json-1.1",
        "--header", f"x-amz-target: TrentService.{operation}",
        "--data", json.dumps(body),
        "--write-out", "\n%{http_version} %{http_code}",
        *options,
        server.endpoint,
    ]  # fmt: skip
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    text, _, status = output.rpartition("\n")
    version, code = status.split()
    return version, int(code), json.loads(text)


def test_encrypt_and_decrypt(server, shared_key):
    assert "HTTP2" in features(), "this curl cannot speak HTTP/2"
    plaintext = base64.b64encode(b"over HTTP/2").decode()
    version, code, reply = post(server, "Encrypt", {"KeyId": shared_key["KeyId"], "Plaintext": plaintext})
    assert (version, code, reply["KeyId"]) == ("2", 200, shared_key["Arn"])
    version, code, reply = post(server, "Decrypt", {"CiphertextBlob": reply["CiphertextBlob"]})
    assert (version, code, reply["Plaintext"]) == ("2", 200, plaintext)


def test_refusals_are_the_same(server):
    version, code, reply = post(server, "DescribeKey", {"KeyId": "alias/none"})
    assert (version, code, reply["__type"]) == ("2", 400, "NotFoundException")
    version, code, reply = post(server, "DescribeKey", {"KeyId": "alias/none"}, "--user", "AKIAIOSFODNN7EXAMPLE:wrong")
    assert (version, code, reply["__type"]) == ("2", 400, "UnrecognizedClientException")
