"""SIGKILL under load, as the audit log sees it: what was acknowledged and is older than a group is there, once, and the
same tree goes on. What a loss of power leaves, core's own tests simulate."""

import os
import random
import shutil
import threading
import time
from collections import Counter

from botocore.exceptions import ConnectionError, HTTPClientError

from audit_log import decoded
from claviger_server import wait_until
from test_audit_commands import good, key_of, log_of

KILLS = max(4, int(os.environ.get("CLAVIGER_KILLS", "25")) // 5)
WORKERS = 4
# 100 ms that an event may wait, and what the commit of its group takes on a busy machine.
WINDOW_SECONDS = 1.0


class Client(threading.Thread):
    """Commands, uses, reads and refusals one after the other, with the time of each answer."""

    def __init__(self, server):
        super().__init__()
        self.kms = server.kms()
        self.key = self.kms.create_key()["KeyMetadata"]["KeyId"]
        self.commands, self.others = [], []
        self.failures = []

    def run(self):
        try:
            while True:
                self.ask(self.commands, self.kms.enable_key, KeyId=self.key)
                self.ask(self.others, self.kms.encrypt, KeyId=self.key, Plaintext=b"x")
                self.ask(self.others, self.kms.describe_key, KeyId=self.key)
                self.ask(self.others, self.kms.list_aliases, KeyId=self.key)
                self.ask(self.others, self.kms.cancel_key_deletion, KeyId=self.key)
        except (ConnectionError, HTTPClientError):
            pass  # The server was killed.
        except Exception as error:  # Told to the test, which fails by it.
            self.failures.append(error)

    def ask(self, answered, operation, **members):
        try:
            reply = operation(**members)
        except self.kms.exceptions.KMSInvalidStateException as refusal:
            reply = refusal.response
        answered.append((reply["ResponseMetadata"]["RequestId"], time.monotonic()))


def test_kill_9_loses_no_event_that_is_older_than_a_group(own_server, tmp_path):
    dice, log, key, answered = random.Random(20261128), log_of(own_server), key_of(own_server), set()
    old_enough = 0
    for kill in range(KILLS):
        clients = [Client(own_server) for _ in range(WORKERS)]
        for client in clients:
            client.start()
        time.sleep(dice.uniform(0.8, 2.2))
        killed = time.monotonic()
        own_server.kill()
        for client in clients:
            client.join()
            assert not client.failures, f"kill {kill}: {client.failures}"
        # The checkpoint as the kill left it: what comes later continues it.
        shutil.copy(log / "checkpoint", tmp_path / "pin")
        own_server.start()
        commands = {request for client in clients for request, _ in client.commands}
        recorded = lambda: {event["id"] for event in decoded(own_server.data_dir)}  # noqa: E731
        wait_until(lambda commands=commands: commands <= recorded(), 30, f"the events of commands after kill {kill}")
        present = recorded()
        for client in clients:
            here = [request in present for request, _ in client.others]
            assert here == sorted(here, reverse=True), f"kill {kill}: an event is lost and a later one is not"
            for request, at in client.others:
                old_enough += at < killed - WINDOW_SECONDS
                assert request in present or at >= killed - WINDOW_SECONDS, f"kill {kill}: {killed - at} s before"
                if request in present:
                    answered.add(request)
        answered |= commands
        good("verify", log, "--key", key, "--pinned", tmp_path / "pin")
    found = Counter(event["id"] for event in decoded(own_server.data_dir))
    assert answered <= set(found) and set(found.values()) == {1}
    assert old_enough > 100, "the kills came too early to show anything"
