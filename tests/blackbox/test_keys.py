"""The life of a key: created, described, disabled, enabled, scheduled for deletion, saved. Source: API reference."""

import datetime
import re
import uuid

import pytest

from claviger_server import ACCOUNT, REGION
from refusals import refused

MATERIAL_ID = re.compile("[0-9a-f]{64}")

ALGORITHMS = {
    "SYMMETRIC_DEFAULT": {"EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"]},
    "HMAC_224": {"MacAlgorithms": ["HMAC_SHA_224"]},
    "HMAC_256": {"MacAlgorithms": ["HMAC_SHA_256"]},
    "HMAC_384": {"MacAlgorithms": ["HMAC_SHA_384"]},
    "HMAC_512": {"MacAlgorithms": ["HMAC_SHA_512"]},
}


def state(kms, key):
    described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert described["Enabled"] == (described["KeyState"] == "Enabled")
    return described["KeyState"]


def test_create_key_without_parameters(kms):
    key = kms.create_key()["KeyMetadata"]
    now = datetime.datetime.now(datetime.timezone.utc)
    assert uuid.UUID(key["KeyId"]).version == 4
    assert MATERIAL_ID.fullmatch(key.pop("CurrentKeyMaterialId"))
    assert abs(key.pop("CreationDate") - now) < datetime.timedelta(minutes=1)
    assert key == {
        "AWSAccountId": ACCOUNT,
        "KeyId": key["KeyId"],
        "Arn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key['KeyId']}",
        "Enabled": True,
        "Description": "",
        "KeyUsage": "ENCRYPT_DECRYPT",
        "KeyState": "Enabled",
        "Origin": "AWS_KMS",
        "KeyManager": "CUSTOMER",
        "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT",
        "KeySpec": "SYMMETRIC_DEFAULT",
        "EncryptionAlgorithms": ["SYMMETRIC_DEFAULT"],
        "MultiRegion": False,
    }


@pytest.mark.parametrize("spec", [spec for spec in ALGORITHMS if spec != "SYMMETRIC_DEFAULT"])
def test_create_hmac_key(kms, spec):
    key = kms.create_key(KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC", Description="a MAC key")["KeyMetadata"]
    assert (key["KeySpec"], key["CustomerMasterKeySpec"], key["KeyUsage"]) == (spec, spec, "GENERATE_VERIFY_MAC")
    assert key["MacAlgorithms"] == ALGORITHMS[spec]["MacAlgorithms"]
    assert "CurrentKeyMaterialId" not in key and "EncryptionAlgorithms" not in key
    assert kms.describe_key(KeyId=key["Arn"])["KeyMetadata"] == key


def test_create_key_by_the_deprecated_member(kms):
    key = kms.create_key(CustomerMasterKeySpec="SYMMETRIC_DEFAULT")["KeyMetadata"]
    assert key["KeySpec"] == "SYMMETRIC_DEFAULT"


@pytest.mark.parametrize(
    ("parameters", "code", "message"),
    [
        (
            {"KeySpec": "HMAC_256"},
            "ValidationException",
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
        ),
        (
            {"KeySpec": "HMAC_256", "KeyUsage": "ENCRYPT_DECRYPT"},
            "ValidationException",
            "KeyUsage ENCRYPT_DECRYPT is not compatible with KeySpec HMAC_256",
        ),
        (
            {"KeyUsage": "GENERATE_VERIFY_MAC"},
            "ValidationException",
            "KeyUsage GENERATE_VERIFY_MAC is not compatible with KeySpec SYMMETRIC_DEFAULT",
        ),
        (
            {"KeyUsage": "SIGN_VERIFY", "KeySpec": "SYMMETRIC_DEFAULT"},
            "ValidationException",
            "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT",
        ),
        (
            {"KeySpec": "SYMMETRIC_DEFAULT", "CustomerMasterKeySpec": "SYMMETRIC_DEFAULT"},
            "ValidationException",
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.",
        ),
    ],
)
def test_create_key_refused(kms, parameters, code, message):
    with refused(code, message, 400):
        kms.create_key(**parameters)


def test_describe_key_tells_what_create_key_told(kms):
    created = kms.create_key(Description="the same")["KeyMetadata"]
    assert kms.describe_key(KeyId=created["KeyId"])["KeyMetadata"] == created


def test_disable_and_enable(kms, key):
    for change, wanted in [
        (kms.disable_key, "Disabled"),
        (kms.disable_key, "Disabled"),
        (kms.enable_key, "Enabled"),
        (kms.enable_key, "Enabled"),
    ]:
        change(KeyId=key["Arn"])
        assert state(kms, key) == wanted, change


def test_update_description(kms, key):
    for description in ["new", "", "x" * 8192, "ünïcode\n"]:
        kms.update_key_description(KeyId=key["KeyId"], Description=description)
        assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Description"] == description


@pytest.mark.parametrize("days", [7, 8, 30, None])
def test_schedule_and_cancel_deletion(kms, key, days):
    window = {} if days is None else {"PendingWindowInDays": days}
    before = datetime.datetime.now(datetime.timezone.utc)
    scheduled = kms.schedule_key_deletion(KeyId=key["KeyId"], **window)
    assert scheduled["KeyId"] == key["Arn"]
    assert scheduled["KeyState"] == "PendingDeletion"
    assert scheduled["PendingWindowInDays"] == (days or 30)
    assert abs(scheduled["DeletionDate"] - before - datetime.timedelta(days=days or 30)) < datetime.timedelta(minutes=1)
    described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert (described["KeyState"], described["Enabled"]) == ("PendingDeletion", False)
    assert described["DeletionDate"] == scheduled["DeletionDate"]
    assert "PendingDeletionWindowInDays" not in described
    assert kms.cancel_key_deletion(KeyId=key["KeyId"])["KeyId"] == key["Arn"]
    assert state(kms, key) == "Disabled"
    assert "DeletionDate" not in kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    kms.enable_key(KeyId=key["KeyId"])
    assert state(kms, key) == "Enabled"


@pytest.mark.parametrize("days", [1, 6, 31, 365])
def test_deletion_window_is_7_to_30_days(kms, key, days):
    with refused("ValidationException", "PendingWindowInDays must be between 7 and 30", 400):
        kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=days)
    assert state(kms, key) == "Enabled"


def test_cancel_without_schedule(kms, key, disabled_key):
    with refused("KMSInvalidStateException", f"{key['Arn']} is not pending deletion.", 400):
        kms.cancel_key_deletion(KeyId=key["KeyId"])


CRYPTOGRAPHIC = [
    ("encrypt", {"Plaintext": b"x"}),
    ("generate_data_key", {"KeySpec": "AES_256"}),
    ("generate_data_key_without_plaintext", {"NumberOfBytes": 16}),
]


@pytest.mark.parametrize(("operation", "parameters"), CRYPTOGRAPHIC)
def test_a_disabled_key_is_not_used(kms, disabled_key, operation, parameters):
    with refused("DisabledException", f"{disabled_key['Arn']} is disabled.", 400):
        getattr(kms, operation)(KeyId=disabled_key["KeyId"], **parameters)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        *CRYPTOGRAPHIC,
        ("enable_key", {}),
        ("disable_key", {}),
        ("schedule_key_deletion", {}),
        ("update_key_description", {"Description": "x"}),
        ("tag_resource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("untag_resource", {"TagKeys": ["a"]}),
    ],
)
def test_a_key_pending_deletion_refuses(kms, pending_key, operation, parameters):
    with refused("KMSInvalidStateException", f"{pending_key['Arn']} is pending deletion.", 400):
        getattr(kms, operation)(KeyId=pending_key["KeyId"], **parameters)


def test_a_key_pending_deletion_still_answers_reads(kms, pending_key):
    key_id = pending_key["KeyId"]
    policy = kms.get_key_policy(KeyId=key_id)["Policy"]
    kms.put_key_policy(KeyId=key_id, Policy=policy)
    assert kms.list_key_policies(KeyId=key_id)["PolicyNames"] == ["default"]
    assert kms.list_resource_tags(KeyId=key_id)["Tags"] == []
    assert kms.list_aliases(KeyId=key_id)["Aliases"] == []


def test_decrypt_follows_the_state_of_the_ciphertexts_key(kms, key):
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"state")["CiphertextBlob"]
    kms.disable_key(KeyId=key["KeyId"])
    with refused("DisabledException", f"{key['Arn']} is disabled."):
        kms.decrypt(CiphertextBlob=blob)
    kms.enable_key(KeyId=key["KeyId"])
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"state"
    kms.schedule_key_deletion(KeyId=key["KeyId"])
    with refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
        kms.decrypt(CiphertextBlob=blob)
    kms.cancel_key_deletion(KeyId=key["KeyId"])
    kms.enable_key(KeyId=key["KeyId"])
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"state"
