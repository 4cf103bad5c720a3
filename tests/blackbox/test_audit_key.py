"""The audit key, which signs the audit log, is rotated, under load and whatever moment the server is killed at."""

import itertools
import random
import re
import threading
from collections import Counter

from botocore.exceptions import ConnectionError, HTTPClientError

from audit_log import count, decoded, events
from claviger_server import run_binary, wait_until
from refusals import refused
from test_audit_commands import bad, good, key_of, log_of, make_events


def rotate(server):
    """The new verifier key, once the log is signed by it and the old one is gone."""
    before = count(decoded(server.data_dir), "claviger:DeleteAuditKey")
    new = server.client("claviger").rotate_audit_key()["VerifierKey"]
    wait_until(lambda: key_of(server) == new, 30, "the new key")
    deleted = lambda: count(decoded(server.data_dir), "claviger:DeleteAuditKey") > before  # noqa: E731
    wait_until(deleted, 30, "the old key's deletion")
    return new


class Load(threading.Thread):
    """Commands and uses until it is told to stop or the server dies; which of them were answered."""

    def __init__(self, server):
        super().__init__()
        self.kms = server.kms()
        self.key = self.kms.create_key()["KeyMetadata"]["KeyId"]
        self.stopped = threading.Event()
        self.commands, self.uses = [], []

    def run(self):
        try:
            for number in itertools.count():
                if self.stopped.is_set():
                    return
                tags = [{"TagKey": "n", "TagValue": str(number)}]
                reply = self.kms.tag_resource(KeyId=self.key, Tags=tags)
                self.commands.append(reply["ResponseMetadata"]["RequestId"])
                reply = self.kms.encrypt(KeyId=self.key, Plaintext=b"x")
                self.uses.append(reply["ResponseMetadata"]["RequestId"])
        except (ConnectionError, HTTPClientError):
            pass  # The server was killed.


def loaded(server, threads=3):
    load = [Load(server) for _ in range(threads)]
    for thread in load:
        thread.start()
    return load


def test_rotated_under_load(own_server, tmp_path):
    """Old and new key verify the log, and what was pinned before; nothing is lost or there twice."""
    first, pin, log = key_of(own_server), tmp_path / "pin", log_of(own_server)
    make_events(own_server, 20)
    good("pin", log, pin, "--key", first)
    load, keys = loaded(own_server), [first]
    for _ in range(3):
        keys.append(rotate(own_server))
        # Every key of the log leads to its newest, at once and while it is written.
        for key in keys:
            assert "the log only grew since" in good("verify", log, "--key", key, "--pinned", pin)
        good("pin", log, pin, "--key", keys[-1])
    for thread in load:
        thread.stopped.set()
    for thread in load:
        thread.join()
    assert own_server.terminate() == 0
    shown = good("verify", log, "--key", keys[-1], "--pinned", pin)
    signs = re.findall(r"^KEY +(\S+) \(signs from entry (\d+) on", shown, re.MULTILINE)
    assert [key for key, _ in signs] == keys
    places = [int(place) for _, place in signs]
    assert places == sorted(places) and places[0] == 0 and places[1] > 20
    found = Counter(event["id"] for event in decoded(own_server.data_dir))
    answered = [answer for thread in load for answer in thread.commands + thread.uses]
    assert len(answered) > 50 and {found[answer] for answer in answered} == {1}
    assert sum(found.values()) == len(found)
    # A proof needs the key that signed its checkpoint: the newest.
    proof = tmp_path / "proof"
    good("prove", log, 0, "--key", keys[0], "-o", proof)
    good("check", proof, "--key", keys[-1])
    assert "no known key" in bad("check", proof, "--key", keys[0])
    # The server says which key signs, at the rotation and at each start.
    text = own_server.log_text()
    assert all(text.count(key) >= 1 for key in keys), "each key is in the server's log"
    examined = run_binary("doctor", "--data-dir", str(own_server.data_dir))
    assert examined.returncode == 0 and f"verify with {keys[-1]}" in examined.stdout, examined
    own_server.start()
    make_events(own_server, 5)
    good("verify", log, "--key", keys[0], "--pinned", pin)


def test_killed_at_any_moment_of_a_rotation(own_server, tmp_path):
    """The next start ends the rotation: each key that was answered signs, in its turn, once."""
    dice, log, pin, commands = random.Random(11), log_of(own_server), tmp_path / "pin", []
    keys = [key_of(own_server)]
    for kill in range(5):
        load = loaded(own_server, 2)
        keys.append(own_server.client("claviger").rotate_audit_key()["VerifierKey"])
        threading.Event().wait(dice.uniform(0, 0.4))
        own_server.kill()
        for thread in load:
            thread.join()
            commands += thread.commands
        good("pin", log, pin, "--key", keys[-2])
        # Between the store's record and the log's statement the doctor sees a log under the older key.
        examined = run_binary("doctor", "--data-dir", str(own_server.data_dir))
        assert examined.returncode == 0, f"kill {kill}: {examined}"
        own_server.start()
        wait_until(lambda: key_of(own_server) == keys[-1], 30, "the new key")
        told = lambda: count(decoded(own_server.data_dir), "claviger:DeleteAuditKey") == len(keys) - 1  # noqa: E731
        wait_until(told, 30, "the old key's deletion")
        good("verify", log, "--key", keys[0], "--pinned", pin)
    assert own_server.terminate() == 0
    shown = good("verify", log, "--key", keys[0])
    assert re.findall(r"^KEY +(\S+)", shown, re.MULTILINE) == keys
    found = Counter(event["id"] for event in decoded(own_server.data_dir))
    assert {found[command] for command in commands} == {1} and sum(found.values()) == len(found)
    assert len(events(own_server.data_dir)) == sum(found.values())


def test_one_rotation_at_a_time_by_the_first_account_only(new_server):
    """With groups of a minute, the writer is busy with the first one still when the second is asked for."""
    server = new_server(environment={"CLAVIGER_AUDIT_GROUP_MILLIS": "60000"}).start()
    claviger = server.client("claviger")
    claviger.rotate_audit_key()
    with refused("AlreadyExistsException", None, 400):
        claviger.rotate_audit_key()
    other = server.create_account("222233334444", "second")
    with refused("AccessDeniedException", None, 400):
        server.client("claviger", other).rotate_audit_key()
