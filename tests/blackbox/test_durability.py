"""What was acknowledged is there: after a restart, and after SIGKILL at any moment.

A kill loses no byte that was written, so this proves that answers follow commits, not that disks are synced; the
store's own tests simulate the loss of power.
"""

import json
import os
import random
import threading
import uuid

from botocore.exceptions import ConnectionError, HTTPClientError

from audit_log import count, decoded
from claviger_server import run_binary, wait_until

KILLS = int(os.environ.get("CLAVIGER_KILLS", "25"))
WORKERS = 4


def dump(server):
    """All that the API shows of an account in one Region."""
    kms, iam = server.kms(), server.client("iam")
    keys = {}
    for page in kms.get_paginator("list_keys").paginate():
        for entry in page["Keys"]:
            key_id = {"KeyId": entry["KeyId"]}
            keys[entry["KeyId"]] = [
                kms.describe_key(**key_id)["KeyMetadata"],
                kms.get_key_policy(**key_id)["Policy"],
                kms.list_resource_tags(**key_id)["Tags"],
                kms.list_aliases(**key_id)["Aliases"],
            ]
    users = {
        user["UserName"]: [user, iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]]
        for user in iam.list_users()["Users"]
    }
    return keys, users


def test_restart(own_server):
    kms = own_server.kms()
    keys = [
        kms.create_key(Description=f"key {number}", Tags=[{"TagKey": "n", "TagValue": str(number)}])["KeyMetadata"][
            "KeyId"
        ]
        for number in range(5)
    ]
    kms.create_key(KeySpec="HMAC_512", KeyUsage="GENERATE_VERIFY_MAC")
    blob = kms.encrypt(KeyId=keys[0], Plaintext=b"x")["CiphertextBlob"]
    kms.create_alias(AliasName="alias/a", TargetKeyId=keys[0])
    kms.create_alias(AliasName="alias/b", TargetKeyId=keys[0])
    kms.update_alias(AliasName="alias/b", TargetKeyId=keys[1])
    kms.disable_key(KeyId=keys[2])
    kms.schedule_key_deletion(KeyId=keys[3], PendingWindowInDays=9)
    policy = json.loads(kms.get_key_policy(KeyId=keys[4])["Policy"])
    kms.put_key_policy(KeyId=keys[4], Policy=json.dumps({**policy, "Id": "other"}))
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}]}
    user = own_server.create_user("user", allow)
    other = own_server.create_account("222233334444", "second")
    before = dump(own_server)
    for _ in range(2):
        assert own_server.terminate() == 0
        own_server.start()
        assert dump(own_server) == before
        assert own_server.kms(user).decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
        assert own_server.client("sts", other).get_caller_identity()["Account"] == "222233334444"


class Writer(threading.Thread):
    """Writes until the server dies, and remembers what was acknowledged."""

    def __init__(self, server):
        super().__init__()
        self.kms = server.kms()
        self.keys = {}  # key id → description, alias or None, ciphertext or None
        self.failures = []

    def run(self):
        try:
            while True:
                self.write()
        except (ConnectionError, HTTPClientError):
            pass  # The server was killed.
        except Exception as error:  # Told to the test, which fails by it.
            self.failures.append(error)

    def write(self):
        name = str(uuid.uuid4())
        key_id = self.kms.create_key(Description=name, Tags=tags_of(name))["KeyMetadata"]["KeyId"]
        self.keys[key_id] = {"description": name}
        self.kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key_id)
        self.keys[key_id]["alias"] = f"alias/{name}"
        self.keys[key_id]["blob"] = self.kms.encrypt(KeyId=key_id, Plaintext=name.encode())["CiphertextBlob"]


def tags_of(name):
    return [{"TagKey": "name", "TagValue": name}, {"TagKey": "second", "TagValue": name[:8]}]


def check_key(kms, key_id, acknowledged):
    """The key is whole, and holds at least what was acknowledged."""
    metadata = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    name = metadata["Description"]
    assert acknowledged.get("description", name) == name
    assert kms.list_resource_tags(KeyId=key_id)["Tags"] == tags_of(name), f"half a key: {key_id}"
    assert "kms:*" in kms.get_key_policy(KeyId=key_id)["Policy"]
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"still")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"still"
    if "alias" in acknowledged:
        assert kms.describe_key(KeyId=acknowledged["alias"])["KeyMetadata"]["KeyId"] == key_id
    if "blob" in acknowledged:
        assert kms.decrypt(CiphertextBlob=acknowledged["blob"])["Plaintext"] == name.encode()


def check_events(server, keys, aliases):
    """Each effect has exactly one event, whatever moment the server was killed at; no event lacks its effect."""

    def counted(action):
        return count(decoded(server.data_dir), action)

    wait_until(lambda: counted("kms:CreateAlias") >= len(aliases), 60, "all events to reach the log")
    wait_until(lambda: counted("kms:CreateKey") >= len(keys), 60, "all events to reach the log")
    found = decoded(server.data_dir)
    assert (count(found, "kms:CreateKey"), count(found, "kms:CreateAlias")) == (len(keys), len(aliases))
    made = [event["resources"] for event in found if event["action"] == "kms:CreateAlias" and not event["error"]]
    assert sorted(made) == sorted([alias["AliasArn"]] for alias in aliases)
    assert len({event["id"] for event in found}) == len(found), "an event is there twice"


def all_ids(kms):
    return {entry["KeyId"] for page in kms.get_paginator("list_keys").paginate() for entry in page["Keys"]}


def test_kill_9_under_load(own_server):
    dice = random.Random(20261124)
    acknowledged = {}
    for kill in range(KILLS):
        writers = [Writer(own_server) for _ in range(WORKERS)]
        for writer in writers:
            writer.start()
        threading.Event().wait(dice.uniform(0.05, 0.6))
        own_server.kill()
        for writer in writers:
            writer.join()
        failures = [failure for writer in writers for failure in writer.failures]
        assert not failures, f"kill {kill}: {failures}"
        own_server.start()
        kms = own_server.kms()
        fresh = {key_id: known for writer in writers for key_id, known in writer.keys.items()}
        present = all_ids(kms)
        lost = (set(acknowledged) | set(fresh)) - present
        assert not lost, f"kill {kill}: lost {lost}"
        for key_id in present - set(acknowledged):
            check_key(kms, key_id, fresh.get(key_id, {}))
        acknowledged.update({key_id: fresh.get(key_id, {}) for key_id in present - set(acknowledged)})
    for key_id, known in acknowledged.items():
        check_key(kms, key_id, known)
    aliases = [alias for page in kms.get_paginator("list_aliases").paginate() for alias in page["Aliases"]]
    assert {alias["TargetKeyId"] for alias in aliases} <= set(acknowledged)
    check_events(own_server, acknowledged, aliases)
    assert own_server.terminate() == 0
    examined = run_binary("doctor", "--data-dir", str(own_server.data_dir))
    assert examined.returncode == 0, examined
