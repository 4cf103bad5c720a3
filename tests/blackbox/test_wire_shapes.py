"""Every operation, called once: its reply has exactly the members and types of botocore's model."""

import uuid

import pytest

import reply_shapes

KMS_OPERATIONS = {
    "CancelKeyDeletion",
    "CreateAlias",
    "CreateGrant",
    "CreateKey",
    "Decrypt",
    "DeleteAlias",
    "DescribeKey",
    "DisableKey",
    "EnableKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GenerateRandom",
    "GetKeyLastUsage",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeys",
    "ListResourceTags",
    "ListRetirableGrants",
    "PutKeyPolicy",
    "ReEncrypt",
    "RetireGrant",
    "RevokeGrant",
    "ScheduleKeyDeletion",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateKeyDescription",
    "VerifyMac",
}


def test_every_operation(kms):
    reply_shapes.seen.clear()
    alias = f"alias/{uuid.uuid4()}"
    metadata = kms.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}])["KeyMetadata"]
    key, key_arn = metadata["KeyId"], metadata["Arn"]
    mac_key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    kms.describe_key(KeyId=key)
    kms.list_keys(Limit=1)
    kms.create_alias(AliasName=alias, TargetKeyId=key)
    kms.update_alias(AliasName=alias, TargetKeyId=key)
    kms.list_aliases(Limit=1)
    kms.list_aliases(KeyId=key)
    kms.delete_alias(AliasName=alias)
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "c", "TagValue": ""}])
    kms.list_resource_tags(KeyId=key, Limit=1)
    kms.untag_resource(KeyId=key, TagKeys=["a"])
    kms.update_key_description(KeyId=key, Description="d")
    kms.put_key_policy(KeyId=key, Policy=kms.get_key_policy(KeyId=key)["Policy"])
    kms.list_key_policies(KeyId=key)
    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob)
    kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=key)
    kms.generate_data_key(KeyId=key, KeySpec="AES_256")
    kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256")
    kms.generate_random(NumberOfBytes=8)
    mac = kms.generate_mac(KeyId=mac_key, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
    kms.verify_mac(KeyId=mac_key, Message=b"m", MacAlgorithm="HMAC_SHA_256", Mac=mac)
    root = key_arn.split(":")[4]
    terms = {"KeyId": key, "GranteePrincipal": root, "RetiringPrincipal": root, "Operations": ["Encrypt", "RetireGrant"]}
    grant = kms.create_grant(**terms, Name="n", Constraints={"EncryptionContextEquals": {"a": "b"}})
    kms.list_grants(KeyId=key)
    kms.list_retirable_grants(RetiringPrincipal=root, Limit=1)
    kms.retire_grant(GrantToken=grant["GrantToken"])
    kms.revoke_grant(KeyId=key, GrantId=kms.create_grant(**terms)["GrantId"])
    kms.get_key_rotation_status(KeyId=key)
    kms.get_key_last_usage(KeyId=key)
    kms.disable_key(KeyId=key)
    kms.enable_key(KeyId=key)
    kms.schedule_key_deletion(KeyId=key)
    kms.describe_key(KeyId=key)
    kms.cancel_key_deletion(KeyId=key)
    assert reply_shapes.seen == KMS_OPERATIONS


WRONG = {
    "unknown member": b'{"Keys":[],"Truncated":false,"More":1}',
    "wrong type": b'{"Keys":{},"Truncated":false}',
    "null": b'{"Keys":[],"NextMarker":null,"Truncated":false}',
    "boolean as text": b'{"Keys":[],"Truncated":"false"}',
    "wrong member of a member": b'{"Keys":[{"KeyId":7}],"Truncated":false}',
}


@pytest.mark.parametrize("what", WRONG)
def test_the_check_itself(kms, what):
    model = kms.meta.service_model.operation_model("ListKeys")
    reply_shapes.check_success(model, b'{"Keys":[{"KeyId":"a"}],"Truncated":false}')
    with pytest.raises(AssertionError):
        reply_shapes.check_success(model, WRONG[what])
