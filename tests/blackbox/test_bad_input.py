"""What no client should send: each gets an answer that blames the caller, and the server goes on undisturbed."""

import json
import random
import socket

import pytest

import raw_http
from raw_http import connect, kms_request, read_answer, send

MIB = 1 << 20


@pytest.fixture(autouse=True)
def the_server_goes_on(server):
    process = server.process.pid
    yield
    assert server.process.poll() is None and server.process.pid == process
    assert send(server, kms_request(server, "ListKeys", {})).status == 200
    assert "panicked" not in server.log_text()


def padded(size):
    head, tail = b'{"Unknown":"', b'"}'
    return head + b"x" * (size - len(head) - len(tail)) + tail


def test_the_largest_body(server):
    assert send(server, kms_request(server, "ListKeys", padded(MIB))).status == 200


def test_a_body_past_the_limit(server):
    answer = send(server, kms_request(server, "ListKeys", padded(MIB + 1)))
    assert answer.status == 413, answer


def test_a_body_that_claims_to_be_huge(server):
    """Refused by its length alone; nobody waits for the bytes."""
    head = (
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: 99999999999\r\n\r\n"
    )
    with connect(server) as connection:
        connection.sendall(head)
        assert read_answer(connection).status == 413


def chunked(request, sizes):
    """The request in chunks of these sizes."""
    request.headers = {name: value for name, value in request.headers.items() if name != "content-length"}
    body, request.body = request.body, b""
    request.headers["transfer-encoding"] = "chunked"
    parts = []
    for size in sizes:
        parts.append(b"%x\r\n%s\r\n" % (len(body[:size]), body[:size]))
        body = body[size:]
    return request.wire() + b"".join(parts) + b"0\r\n\r\n"


def test_chunked_bodies(server):
    request = kms_request(server, "ListKeys", padded(5000))
    assert send(server, chunked(request, [1, 7, 2000, 5000])).status == 200
    request = kms_request(server, "ListKeys", padded(MIB + 1000))
    assert send(server, chunked(request, [MIB // 2, MIB // 2, 1000])).status == 413


def test_expect_100_continue(server):
    request = kms_request(server, "ListKeys", {})
    request.headers["expect"] = "100-continue"
    body, request.body = request.body, b""
    with connect(server) as connection:
        connection.sendall(request.wire())
        assert read_answer(connection).status == 100
        connection.sendall(body)
        assert read_answer(connection).status == 200


def test_a_truncated_body(server):
    request = kms_request(server, "ListKeys", {"Limit": 10})
    with connect(server) as connection:
        connection.sendall(request.wire()[:-3])
        connection.shutdown(socket.SHUT_WR)
        try:
            assert read_answer(connection).status == 400
        except ConnectionError:
            pass  # Closing without an answer is as good: there is no request to answer.


@pytest.mark.parametrize(
    "wire",
    [
        b"\r\n\r\n",
        b"x\r\n\r\n",
        b"POST / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/9.9\r\nhost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZZ\r\n",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n0\r\n\r\n",
        b"POST " + b"/" * 70000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + b"a: b\r\n" * 5000 + b"\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0" * 100,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200,
        bytes(range(256)) * 10,
    ],
    ids=lambda wire: repr(wire[:30]),
)
def test_what_is_no_http(server, wire):
    with connect(server) as connection:
        try:
            connection.sendall(wire)
            connection.shutdown(socket.SHUT_WR)
            received = connection.recv(65536)
        except OSError:
            received = b""  # Closed while we were still sending.
    assert received == b"" or b" 500 " not in received.split(b"\r\n")[0]


def test_large_headers(server):
    """Session tokens of 12 KB are read; a header of 100 KB is not."""
    request = kms_request(server, "ListKeys", {}, extra={"x-amz-security-token": "A" * 12_000})
    assert send(server, request).code == "UnrecognizedClientException"
    request = kms_request(server, "ListKeys", {}, extra={"x-large": "A" * 100_000})
    try:
        assert send(server, request).status == 431
    except ConnectionError:
        pass  # Closed while we were still sending.


def test_headers_beyond_ascii(server):
    for value in ["ü", "%00", "\t", '"; drop']:
        request = kms_request(server, "ListKeys", {})
        request.headers["x-odd"] = value
        assert send(server, request).status in (200, 400), value
        request = kms_request(server, "ListKeys", {})
        request.headers["authorization"] = value
        assert send(server, request).status == 400, value


def test_random_bodies(server):
    """Mutations of real bodies: never a server fault, never silence."""
    dice = random.Random(7)
    seeds = [
        ("Encrypt", {"KeyId": "alias/x", "Plaintext": "eA==", "EncryptionContext": {"a": "b"}, "DryRun": True}),
        (
            "CreateKey",
            {"Policy": '{"Version":"2012-10-17","Statement":[]}', "Tags": [{"TagKey": "a", "TagValue": "b"}]},
        ),
        ("Decrypt", {"CiphertextBlob": "AAAAAAAAAAAAAAAA", "EncryptionContext": {"ü": "\u0000"}}),
        ("ListAliases", {"Limit": 3, "Marker": "AAAA"}),
    ]
    with connect(server) as connection:
        for number in range(2000):
            operation, body = dice.choice(seeds)
            text = bytearray(json.dumps(body).encode())
            for _ in range(dice.randint(1, 4)):
                place = dice.randrange(len(text))
                text[place : place + dice.randint(0, 3)] = dice.choice(
                    [b"", b"{", b"]", b'"', b"\\", b"\0", b"9" * 30, b"\xff", b"null"]
                )
            connection.sendall(kms_request(server, operation, bytes(text)).wire())
            answer = read_answer(connection)
            assert answer.status in (200, 400), f"{number}: {bytes(text)}: {answer}"


def test_random_authorization_headers(server):
    dice = random.Random(11)
    with connect(server) as connection:
        for number in range(2000):
            request = kms_request(server, "ListKeys", {})
            text = list(request.headers["authorization"])
            for _ in range(dice.randint(1, 5)):
                place = dice.randrange(len(text))
                text[place : place + dice.randint(0, 9)] = dice.choice(
                    ["", ",", "=", "/", " ", "\t", ";", "0", "A" * 50, "ÿ"]
                )
            request.headers["authorization"] = "".join(text).strip()
            connection.sendall(request.wire())
            answer = read_answer(connection)
            assert answer.status in (200, 400), f"{number}: {request.headers}: {answer}"


def test_pipelined_requests_are_answered_in_order(server):
    wire = b"".join(kms_request(server, "GenerateRandom", {"NumberOfBytes": number}).wire() for number in range(1, 20))
    with connect(server) as connection:
        connection.sendall(wire)
        received = b""
        while received.count(b"Plaintext") < 19:
            received += raw_http.read_some(connection)
    lengths = [len(part.split(b'"')[0]) for part in received.split(b'"Plaintext":"')[1:]]
    assert lengths == [4 * ((number + 2) // 3) for number in range(1, 20)]
