"""Replays what Terraform's AWS provider calls for its KMS resources: create, read back, refresh without drift, update, destroy.

Source: the provider's resources aws_kms_key (rotation off), aws_kms_alias, aws_kms_key_policy. Grants are in test_grants.py.
"""

import json

import pytest

from claviger_server import ACCOUNT
from refusals import refused

ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def policy(*more):
    statement = {"Sid": "Account", "Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "kms:*", "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement, *more]}


READERS = {
    "Sid": "Readers",
    "Effect": "Allow",
    "Principal": {"AWS": [f"arn:aws:iam::{ACCOUNT}:user/admin"]},
    "Action": ["kms:DescribeKey", "kms:GetKeyPolicy"],
    "Resource": "*",
}
# What the configuration of the resource says, by its argument names.
WRITTEN = {
    "customer_master_key_spec": "SYMMETRIC_DEFAULT",
    "deletion_window_in_days": 7,
    "description": "by Terraform",
    "enable_key_rotation": False,
    "is_enabled": True,
    "key_usage": "ENCRYPT_DECRYPT",
    "multi_region": False,
    "policy": policy(READERS),
    "tags": {"Name": "tf", "environment": "test"},
}


def create(kms, written):
    made = kms.create_key(
        BypassPolicyLockoutSafetyCheck=False,
        CustomerMasterKeySpec=written["customer_master_key_spec"],
        Description=written["description"],
        KeyUsage=written["key_usage"],
        MultiRegion=written["multi_region"],
        Policy=json.dumps(written["policy"]),
        Tags=as_tags(written["tags"]),
    )["KeyMetadata"]
    if not written["is_enabled"]:
        kms.disable_key(KeyId=made["KeyId"])
    return made["KeyId"]


def read(kms, key_id, deletion_window):
    """The state after a refresh. The deletion window is not the service's: the provider keeps what was written."""
    metadata = kms.describe_key(KeyId=key_id)["KeyMetadata"]
    if metadata["KeyState"] == "PendingDeletion":
        return None
    return {
        "customer_master_key_spec": metadata["CustomerMasterKeySpec"],
        "deletion_window_in_days": deletion_window,
        "description": metadata["Description"],
        "enable_key_rotation": kms.get_key_rotation_status(KeyId=key_id)["KeyRotationEnabled"],
        "is_enabled": metadata["Enabled"],
        "key_usage": metadata["KeyUsage"],
        "multi_region": metadata["MultiRegion"],
        "policy": read_policy(kms, key_id),
        "tags": read_tags(kms, key_id),
    }


def read_policy(kms, key_id):
    return json.loads(kms.get_key_policy(KeyId=key_id, PolicyName="default")["Policy"])


def read_tags(kms, key_id):
    pages = kms.get_paginator("list_resource_tags").paginate(KeyId=key_id)
    return {tag["TagKey"]: tag["TagValue"] for page in pages for tag in page["Tags"]}


def as_tags(tags):
    return [{"TagKey": key, "TagValue": value} for key, value in tags.items()]


def update(kms, key_id, before, after):
    """In the provider's order: a key is enabled before anything else of it changes, and disabled after all."""
    if after["is_enabled"] and not before["is_enabled"]:
        kms.enable_key(KeyId=key_id)
    if after["description"] != before["description"]:
        kms.update_key_description(KeyId=key_id, Description=after["description"])
    if after["policy"] != before["policy"]:
        kms.put_key_policy(
            KeyId=key_id,
            PolicyName="default",
            Policy=json.dumps(after["policy"]),
            BypassPolicyLockoutSafetyCheck=False,
        )
    removed = [key for key in before["tags"] if key not in after["tags"]]
    changed = {key: value for key, value in after["tags"].items() if before["tags"].get(key) != value}
    if removed:
        kms.untag_resource(KeyId=key_id, TagKeys=removed)
    if changed:
        kms.tag_resource(KeyId=key_id, Tags=as_tags(changed))
    if before["is_enabled"] and not after["is_enabled"]:
        kms.disable_key(KeyId=key_id)


def destroy(kms, key_id, written):
    made = kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=written["deletion_window_in_days"])
    assert (made["KeyState"], made["PendingWindowInDays"]) == ("PendingDeletion", written["deletion_window_in_days"])
    assert read(kms, key_id, written["deletion_window_in_days"]) is None
    # A second destroy finds it pending, and the provider takes that for done.
    with refused("KMSInvalidStateException"):
        kms.schedule_key_deletion(KeyId=key_id, PendingWindowInDays=written["deletion_window_in_days"])


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"description": ""},
        {"description": "changed", "tags": {"Name": "tf2", "team": "blue"}},
        {"policy": policy()},
        {"is_enabled": False},
        {"tags": {}},
        {"deletion_window_in_days": 30},
    ],
    ids=lambda changes: ",".join(changes) or "nothing",
)
def test_aws_kms_key(kms, changes):
    after = {**WRITTEN, **changes}
    key_id = create(kms, WRITTEN)
    for _ in range(2):
        assert read(kms, key_id, WRITTEN["deletion_window_in_days"]) == WRITTEN
    update(kms, key_id, WRITTEN, after)
    for _ in range(2):
        assert read(kms, key_id, after["deletion_window_in_days"]) == after
    update(kms, key_id, after, WRITTEN)
    assert read(kms, key_id, WRITTEN["deletion_window_in_days"]) == WRITTEN
    destroy(kms, key_id, WRITTEN)


def test_aws_kms_key_made_disabled(kms):
    written = {**WRITTEN, "is_enabled": False, "tags": {}}
    key_id = create(kms, written)
    assert read(kms, key_id, 7) == written
    destroy(kms, key_id, written)


def test_aws_kms_alias(kms, key, shared_key):
    def find(name):
        pages = kms.get_paginator("list_aliases").paginate()
        return next((alias for page in pages for alias in page["Aliases"] if alias["AliasName"] == name), None)

    name = f"alias/terraform/{key['KeyId']}"
    kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    for target in [key, shared_key, key]:
        kms.update_alias(AliasName=name, TargetKeyId=target["KeyId"])
        for _ in range(2):
            alias = find(name)
            assert (alias["TargetKeyId"], alias["AliasArn"].partition(":alias/")[2]) == (target["KeyId"], name[6:])
    kms.delete_alias(AliasName=name)
    assert find(name) is None
    with refused("NotFoundException"):
        kms.delete_alias(AliasName=name)


def test_aws_kms_key_policy(kms):
    """The policy as a resource of its own, on a key that was made without one; destroying it puts the default back."""
    key_id = kms.create_key(Description="policy apart")["KeyMetadata"]["KeyId"]
    default = read_policy(kms, key_id)
    for document in [policy(READERS), policy()]:
        text = json.dumps(document)
        kms.put_key_policy(KeyId=key_id, PolicyName="default", Policy=text, BypassPolicyLockoutSafetyCheck=False)
        for _ in range(2):
            assert kms.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"] == "Enabled"
            assert read_policy(kms, key_id) == document
    kms.put_key_policy(
        KeyId=key_id, PolicyName="default", Policy=json.dumps(default), BypassPolicyLockoutSafetyCheck=True
    )
    assert read_policy(kms, key_id) == default
