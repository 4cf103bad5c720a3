"""Key identifiers in all four forms, and every complaint about one. Source: as observed, with the exact texts."""

import uuid

import pytest

from claviger_server import ACCOUNT, REGION
from refusals import refused

ABSENT = "00000000-0000-4000-8000-000000000000"
NO_ALIASES = "Key Aliases are not supported for this operation."

# Operations that take key id, key ARN, alias name and alias ARN, with the rest of their parameters.
FOUR_FORMS = {
    "describe_key": {},
    "encrypt": {"Plaintext": b"x"},
    "generate_data_key": {"KeySpec": "AES_256"},
    "generate_data_key_without_plaintext": {"KeySpec": "AES_256"},
}
# Operations that take key id and key ARN only.
TWO_FORMS = {
    "cancel_key_deletion": {},
    "disable_key": {},
    "enable_key": {},
    "get_key_policy": {},
    "list_key_policies": {},
    "list_resource_tags": {},
    "put_key_policy": {"Policy": "{}"},
    "schedule_key_deletion": {},
    "tag_resource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
    "untag_resource": {"TagKeys": ["a"]},
    "update_key_description": {"Description": "d"},
}
ALL = {**FOUR_FORMS, **TWO_FORMS}


def arn(resource, region=REGION, account=ACCOUNT):
    return f"arn:aws:kms:{region}:{account}:{resource}"


@pytest.mark.parametrize("operation", FOUR_FORMS)
def test_four_forms(kms, key, operation):
    alias = f"alias/{uuid.uuid4()}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    for form in [key["KeyId"], key["Arn"], alias, arn(alias)]:
        reply = getattr(kms, operation)(KeyId=form, **FOUR_FORMS[operation])
        assert reply.get("KeyId", key["Arn"]) == key["Arn"], form


@pytest.mark.parametrize("operation", TWO_FORMS)
def test_aliases_where_none_is_taken(kms, operation):
    """Refused before any look-up: the alias need not exist, nor be in this Region."""
    for form in ["alias/missing", arn("alias/missing"), arn("alias/missing", region="eu-west-1")]:
        with refused("InvalidArnException", NO_ALIASES, 400):
            getattr(kms, operation)(KeyId=form, **TWO_FORMS[operation])


@pytest.mark.parametrize("operation", ALL)
@pytest.mark.parametrize(
    ("key_id", "message"),
    [
        (ABSENT, f"Key '{arn('key/' + ABSENT)}' does not exist"),
        (arn("key/" + ABSENT), f"Key '{arn('key/' + ABSENT)}' does not exist"),
        (ABSENT.replace("0", "A"), f"Key '{arn('key/' + ABSENT.replace('0', 'A'))}' does not exist"),
        ("mrk-" + "0" * 32, f"Key '{arn('key/mrk-' + '0' * 32)}' does not exist"),
        ("foo", "Invalid keyId 'foo'"),
        ("0" * 32, f"Invalid keyId '{'0' * 32}'"),
        ("mrk-1234", "Invalid keyId 'mrk-1234'"),
        (ABSENT + " ", f"Invalid keyId '{ABSENT} '"),
        (arn("key/foo"), "Invalid keyId foo"),
        (arn("key/mrk-1234"), "Invalid keyId mrk-1234"),
        (arn("key/" + ABSENT, region="eu-west-1"), "Invalid arn eu-west-1"),
    ],
)
def test_not_found(kms, operation, key_id, message):
    with refused("NotFoundException", message, 400):
        getattr(kms, operation)(KeyId=key_id, **ALL[operation])


@pytest.mark.parametrize("operation", FOUR_FORMS)
@pytest.mark.parametrize(
    ("key_id", "message"),
    [
        ("alias/missing", f"Alias {arn('alias/missing')} is not found."),
        (arn("alias/missing"), f"Alias {arn('alias/missing')} is not found."),
        ("alias/aws/s3", f"Alias {arn('alias/aws/s3')} is not found."),
        (arn("alias/missing", region="eu-west-1"), "Invalid arn eu-west-1"),
    ],
)
def test_alias_not_found(kms, operation, key_id, message):
    with refused("NotFoundException", message, 400):
        getattr(kms, operation)(KeyId=key_id, **FOUR_FORMS[operation])


@pytest.mark.parametrize("operation", ["describe_key", "encrypt", "disable_key"])
@pytest.mark.parametrize(
    "key_id",
    ["arn:", "arn:aws:s3:::bucket", arn("grant/1"), arn(ABSENT), f"arn:aws:kms:{REGION}:1:key/{ABSENT}", "arn:aws:kms"],
)
def test_what_is_no_arn_finds_nothing(kms, operation, key_id):
    """No recording tells which of the two codes it is; that the caller is at fault is certain."""
    with refused(("NotFoundException", "InvalidArnException"), None, 400):
        getattr(kms, operation)(KeyId=key_id, **ALL[operation])


def test_create_alias_target(kms):
    name = f"alias/{uuid.uuid4()}"
    for target, message in [
        (ABSENT, f"Key '{arn('key/' + ABSENT)}' does not exist"),
        ("foo", "Invalid keyId 'foo'"),
        (arn("key/" + ABSENT, region="eu-west-1"), "Invalid arn eu-west-1"),
    ]:
        with refused("NotFoundException", message, 400):
            kms.create_alias(AliasName=name, TargetKeyId=target)


def test_list_aliases_of_a_missing_key(kms):
    with refused("NotFoundException", f"Key '{arn('key/' + ABSENT)}' does not exist", 400):
        kms.list_aliases(KeyId=ABSENT)
    with refused("InvalidArnException", NO_ALIASES, 400):
        kms.list_aliases(KeyId="alias/missing")


@pytest.mark.parametrize("member", ["DestinationKeyId", "SourceKeyId"])
def test_re_encrypt(kms, shared_key, member):
    blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    ids = {"DestinationKeyId": shared_key["KeyId"], member: ABSENT}
    with refused("NotFoundException", f"Key '{arn('key/' + ABSENT)}' does not exist", 400):
        kms.re_encrypt(CiphertextBlob=blob, **ids)


def test_macs_take_four_forms(kms, hmac_key):
    alias = f"alias/{uuid.uuid4()}"
    kms.create_alias(AliasName=alias, TargetKeyId=hmac_key["KeyId"])
    macs = {
        kms.generate_mac(KeyId=form, Message=b"m", MacAlgorithm="HMAC_SHA_256")["Mac"]
        for form in [hmac_key["KeyId"], hmac_key["Arn"], alias, arn(alias)]
    }
    assert len(macs) == 1
    kms.delete_alias(AliasName=alias)
