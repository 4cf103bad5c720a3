"""Each command leaves exactly one event in the audit log, and no secret."""

import os

from audit_log import count, events
from claviger_server import ACCOUNT, wait_until
from refusals import refused


def test_each_command_leaves_one_event(own_server):
    kms, iam = own_server.kms(), own_server.client("iam")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/audited", TargetKeyId=key)
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}])
    kms.disable_key(KeyId=key)
    kms.enable_key(KeyId=key)
    kms.schedule_key_deletion(KeyId=key)
    kms.cancel_key_deletion(KeyId=key)
    iam.create_user(UserName="audited")
    actions = ["CreateKey", "CreateAlias", "TagResource", "DisableKey", "EnableKey"]
    actions += ["ScheduleKeyDeletion", "CancelKeyDeletion"]
    wait_until(lambda: len(events(own_server.data_dir)) >= len(actions), 30, "the events")
    wait_until(lambda: count(events(own_server.data_dir), "iam:CreateUser", "audited") == 1, 30, "the event")
    own_server.restart()
    found = events(own_server.data_dir)
    for action in actions:
        assert count(found, f"kms:{action}", key, f"arn:aws:iam::{ACCOUNT}:user/admin") == 1, action


def test_a_refused_command_leaves_none(own_server):
    kms = own_server.kms()
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    with refused("KMSInvalidStateException"):
        kms.cancel_key_deletion(KeyId=key)
    kms.disable_key(KeyId=key)
    wait_until(lambda: count(events(own_server.data_dir), "kms:DisableKey") == 1, 30, "the event")
    assert count(events(own_server.data_dir), "kms:CancelKeyDeletion") == 0


def test_no_secret_is_in_the_log(own_server):
    kms = own_server.kms()
    user = own_server.create_user("user")
    plaintext = os.urandom(32)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=key, Plaintext=plaintext)
    kms.disable_key(KeyId=key)
    wait_until(lambda: count(events(own_server.data_dir), "kms:DisableKey") == 1, 30, "the event")
    wait_until(lambda: count(events(own_server.data_dir), "iam:CreateAccessKey") == 1, 30, "the event")
    for event in events(own_server.data_dir):
        assert user.secret.encode() not in event and plaintext not in event
        assert own_server.admin.secret.encode() not in event
