"""Clients that are slow on purpose, and very many of them: others are served all the while."""

import resource
import socket
import time

import pytest

from raw_http import connect, kms_request, send

PATIENCE_SECONDS = 90
IDLE = 10_000


def served(server):
    started = time.monotonic()
    assert send(server, kms_request(server, "ListKeys", {})).status == 200
    return time.monotonic() - started


def closed_by_server(connection):
    """Whether the server has closed the connection, with or without an answer such as 408."""
    connection.setblocking(False)
    try:
        while received := connection.recv(65536):
            assert b" 200 " not in received.split(b"\r\n")[0]
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def trickle(connections, bytes_to_send):
    """Sends each one byte of what is left; a closed connection is left alone."""
    for number, connection in enumerate(connections):
        if bytes_to_send[number]:
            try:
                connection.send(bytes_to_send[number][:1])
            except (BlockingIOError, ConnectionError):
                continue
            bytes_to_send[number] = bytes_to_send[number][1:]


def test_slow_loris(own_server):
    """Headers byte by byte, bodies byte by byte, silence after half a request: all are closed in bounded time."""
    slow = b"x-slow: " + b"y" * 10_000
    head = b"POST / HTTP/1.1\r\nhost: x\r\n"
    body_head = head + b"content-type: application/x-amz-json-1.1\r\ncontent-length: 5000\r\n\r\n{"
    starts = [head + slow[:8]] * 60 + [body_head] * 60 + [head] * 30 + [body_head] * 30 + [b""] * 20
    rest = [slow[8:]] * 60 + [b" " * 4000] * 60 + [b""] * 80
    connections = [connect(own_server) for _ in starts]
    for connection, start in zip(connections, starts, strict=True):
        connection.sendall(start)
        connection.setblocking(False)
    deadline = time.monotonic() + PATIENCE_SECONDS
    half_open = list(range(180))  # The last twenty sent nothing: an idle connection may stay.
    while half_open:
        assert time.monotonic() < deadline, f"{len(half_open)} slow connections are open after {PATIENCE_SECONDS} s"
        assert served(own_server) < 5
        trickle(connections, rest)
        half_open = [number for number in half_open if not closed_by_server(connections[number])]
        time.sleep(0.25)
    for connection in connections:
        connection.close()


def test_a_client_that_does_not_read(own_server):
    """Requests without end on one connection, none of whose answers is read."""
    wire = kms_request(own_server, "ListKeys", {}).wire() * 50
    with connect(own_server, timeout=2) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(200):
            try:
                connection.sendall(wire)
            except (TimeoutError, ConnectionError):
                break
        assert served(own_server) < 5


def test_ten_thousand_idle_connections(own_server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = IDLE + 500
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"NOT RUN: needs {wanted} open files, the hard limit is {hard}; `ulimit -Hn` raises it as root")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    idle = []
    try:
        for _ in range(IDLE):
            idle.append(connect(own_server))
        assert served(own_server) < 5
        request = kms_request(own_server, "ListKeys", {}).wire()
        for connection in idle[:: IDLE // 20]:
            assert not closed_by_server(connection), "an idle connection was closed at once"
            connection.setblocking(True)
            connection.settimeout(30)
            connection.sendall(request)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    finally:
        for connection in idle:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert served(own_server) < 5
