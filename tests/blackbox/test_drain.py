"""SIGTERM drains: no request that was accepted is dropped, and the process ends with 0."""

import signal
import threading

from claviger_server import can_connect, wait_until
from raw_http import connect, kms_request, read_answer

REQUESTS = 30


def test_half_sent_requests_are_answered(own_server):
    wire = kms_request(own_server, "CreateKey", {"Description": "drained"}).wire()
    connections = [connect(own_server) for _ in range(REQUESTS)]
    for connection in connections:
        connection.sendall(wire[:-5])
    own_server.get("/healthz")
    own_server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not can_connect(own_server.port), 30, "the server to stop listening")
    for connection in connections:
        connection.sendall(wire[-5:])
        assert read_answer(connection).status == 200
        connection.close()
    assert own_server.process.wait(timeout=60) == 0


def test_requests_in_the_queue_of_the_listener_are_answered(own_server):
    """They were accepted by the system, though not yet by the process."""
    own_server.process.send_signal(signal.SIGSTOP)
    wire = kms_request(own_server, "ListKeys", {}).wire()
    connections = [connect(own_server) for _ in range(REQUESTS)]
    for connection in connections:
        connection.sendall(wire)
    own_server.process.send_signal(signal.SIGTERM)
    own_server.process.send_signal(signal.SIGCONT)
    for number, connection in enumerate(connections):
        assert read_answer(connection).status == 200, number
        connection.close()
    assert own_server.process.wait(timeout=60) == 0


def test_idle_connections_do_not_hold_it_up(own_server):
    connections = [connect(own_server) for _ in range(REQUESTS)]
    wire = kms_request(own_server, "ListKeys", {}).wire()
    for connection in connections[: REQUESTS // 2]:
        connection.sendall(wire)
        assert read_answer(connection).status == 200
    own_server.process.send_signal(signal.SIGTERM)
    assert own_server.process.wait(timeout=10) == 0
    for connection in connections:
        assert connection.recv(100) == b""


def test_a_client_that_never_finishes_does_not_hold_it_up_for_ever(own_server):
    with connect(own_server) as connection:
        connection.sendall(kms_request(own_server, "ListKeys", {}).wire()[:-1])
        own_server.process.send_signal(signal.SIGTERM)
        assert own_server.process.wait(timeout=60) == 0


def test_under_load_every_answer_is_whole_and_every_success_stays(own_server):
    """Clients create keys until the server is gone; what they were told exists is there afterwards."""
    made, broken = [], []

    def work():
        try:
            with connect(own_server) as connection:
                while True:
                    connection.sendall(kms_request(own_server, "CreateKey", {}).wire())
                    answer = read_answer(connection)
                    if answer.status != 200:
                        broken.append(answer)
                        return
                    made.append(answer.json()["KeyMetadata"]["KeyId"])
                    if answer.headers.get("connection") == "close":
                        return
        except OSError:
            return

    workers = [threading.Thread(target=work) for _ in range(8)]
    for worker in workers:
        worker.start()
    wait_until(lambda: len(made) > 50, 60, "some keys")
    assert own_server.terminate() == 0
    for worker in workers:
        worker.join()
    assert not broken
    own_server.start()
    kms = own_server.kms()
    present = {entry["KeyId"] for page in kms.get_paginator("list_keys").paginate() for entry in page["Keys"]}
    assert set(made) <= present


def test_sigint_drains_too(own_server):
    own_server.process.send_signal(signal.SIGINT)
    assert own_server.process.wait(timeout=60) == 0
    own_server.start()
