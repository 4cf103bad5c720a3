"""Aliases: made, moved, listed, deleted; reserved and refused names. Source: API reference; key quotas."""

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from claviger_server import ACCOUNT, REGION
from refusals import refused, violations

PATTERN = "^[a-zA-Z0-9:/_-]+$"


def alias_arn(name):
    return f"arn:aws:kms:{REGION}:{ACCOUNT}:{name}"


@pytest.fixture
def alias(kms, key):
    """A fresh alias of `key`."""
    name = f"alias/test/{uuid.uuid4()}"
    kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])
    return name


def test_an_alias_names_its_key_everywhere(kms, key, alias):
    for form in [alias, alias_arn(alias)]:
        assert kms.describe_key(KeyId=form)["KeyMetadata"]["Arn"] == key["Arn"]
        blob = kms.encrypt(KeyId=form, Plaintext=b"by alias")
        assert blob["KeyId"] == key["Arn"]
        assert kms.decrypt(CiphertextBlob=blob["CiphertextBlob"], KeyId=form)["Plaintext"] == b"by alias"


def test_list_aliases_of_a_key(kms, key, alias):
    (entry,) = kms.list_aliases(KeyId=key["Arn"])["Aliases"]
    assert entry["AliasName"] == alias
    assert entry["AliasArn"] == alias_arn(alias)
    assert entry["TargetKeyId"] == key["KeyId"]
    assert entry["CreationDate"] == entry["LastUpdatedDate"]


def test_update_alias_moves_it(kms, key, alias):
    other = kms.create_key()["KeyMetadata"]
    kms.update_alias(AliasName=alias, TargetKeyId=other["Arn"])
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == other["KeyId"]
    assert kms.list_aliases(KeyId=key["KeyId"])["Aliases"] == []
    (entry,) = kms.list_aliases(KeyId=other["KeyId"])["Aliases"]
    assert entry["LastUpdatedDate"] > entry["CreationDate"]


def test_delete_alias_leaves_the_key(kms, key, alias):
    kms.delete_alias(AliasName=alias)
    with refused("NotFoundException", f"Alias {alias_arn(alias)} is not found.", 400):
        kms.describe_key(KeyId=alias)
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Enabled"]
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])


def test_a_name_is_taken_once(kms, key, alias):
    for target in [key["KeyId"], kms.create_key()["KeyMetadata"]["KeyId"]]:
        with refused("AlreadyExistsException", f"An alias with the name {alias_arn(alias)} already exists", 400):
            kms.create_alias(AliasName=alias, TargetKeyId=target)


def test_names_differ_by_case(kms, key, alias):
    kms.create_alias(AliasName=alias.replace("test", "Test"), TargetKeyId=key["KeyId"])
    assert len(kms.list_aliases(KeyId=key["KeyId"])["Aliases"]) == 2


@pytest.mark.parametrize("operation", ["update_alias", "delete_alias"])
def test_missing_alias(kms, key, operation):
    name = f"alias/{uuid.uuid4()}"
    target = {"TargetKeyId": key["KeyId"]} if operation == "update_alias" else {}
    with refused("NotFoundException", f"Alias {alias_arn(name)} is not found.", 400):
        getattr(kms, operation)(AliasName=name, **target)


@pytest.mark.parametrize("name", ["alias/aws/mine", "alias/aws/s3"])
def test_reserved_names(kms, key, name):
    for call in [
        lambda: kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"]),
        lambda: kms.update_alias(AliasName=name, TargetKeyId=key["KeyId"]),
        lambda: kms.delete_alias(AliasName=name),
    ]:
        with refused("NotAuthorizedException", "", 400):
            call()


@pytest.mark.parametrize("name", ["aliasx", "my-key", "key/x", "Alias/x"])
def test_prefix(kms, key, name):
    url = "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html"
    with refused("ValidationException", f'Alias must start with the prefix "alias/". Please see {url}', 400):
        kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])


@pytest.mark.parametrize("name", ["alias/a b", "alias/a.b", "alias/ä", "alias/a*"])
def test_characters(kms, key, name):
    entry = f"Value '{name}' at 'aliasName' failed to satisfy constraint: "
    with refused(
        "ValidationException", violations(f"{entry}Member must satisfy regular expression pattern: {PATTERN}")
    ):
        kms.create_alias(AliasName=name, TargetKeyId=key["KeyId"])


def test_colon_passes_the_pattern_and_is_refused(kms, key):
    with refused("ValidationException", "alias/my:alias contains invalid characters for an alias", 400):
        kms.create_alias(AliasName="alias/my:alias", TargetKeyId=key["KeyId"])


def test_an_alias_alone_is_no_name(kms, key):
    with refused("ValidationException"):
        kms.create_alias(AliasName="alias/", TargetKeyId=key["KeyId"])


def test_an_alias_is_no_target(kms, alias):
    for target in [alias, alias_arn(alias)]:
        with refused("ValidationException", "Aliases must refer to keys. Not aliases", 400):
            kms.create_alias(AliasName=f"alias/{uuid.uuid4()}", TargetKeyId=target)


def test_an_alias_stays_with_one_usage(kms, key, alias, hmac_key):
    message = (
        f"Alias {alias} cannot be changed from a CMK with key usage ENCRYPT_DECRYPT to a CMK with key usage "
        "GENERATE_VERIFY_MAC. The key usage of the current CMK and the new CMK must be the same."
    )
    with refused("ValidationException", message, 400):
        kms.update_alias(AliasName=alias, TargetKeyId=hmac_key["KeyId"])
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == key["KeyId"]


def test_pending_deletion_takes_no_alias_but_gives_one_away(kms, key, alias, shared_key):
    kms.schedule_key_deletion(KeyId=key["KeyId"])
    other = f"alias/{uuid.uuid4()}"
    with refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
        kms.create_alias(AliasName=other, TargetKeyId=key["KeyId"])
    kms.create_alias(AliasName=other, TargetKeyId=shared_key["KeyId"])
    with refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
        kms.update_alias(AliasName=other, TargetKeyId=key["KeyId"])
    kms.update_alias(AliasName=alias, TargetKeyId=shared_key["KeyId"])
    kms.delete_alias(AliasName=alias)
    kms.delete_alias(AliasName=other)


def test_fifty_aliases_per_key(kms, key):
    prefix = f"alias/{uuid.uuid4()}"
    for number in range(50):
        kms.create_alias(AliasName=f"{prefix}/{number}", TargetKeyId=key["KeyId"])
    message = "Aliases per key quota for this account in this region is 50, current usage is 50."
    with refused("LimitExceededException", message, 400):
        kms.create_alias(AliasName=f"{prefix}/50", TargetKeyId=key["KeyId"])
    kms.delete_alias(AliasName=f"{prefix}/7")
    kms.create_alias(AliasName=f"{prefix}/50", TargetKeyId=key["KeyId"])
    assert len(kms.list_aliases(KeyId=key["KeyId"], Limit=100)["Aliases"]) == 50


def test_update_alias_counts_too(kms, key, alias):
    full = kms.create_key()["KeyMetadata"]["KeyId"]
    for number in range(50):
        kms.create_alias(AliasName=f"{alias}/{number}", TargetKeyId=full)
    with refused("LimitExceededException"):
        kms.update_alias(AliasName=alias, TargetKeyId=full)
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == key["KeyId"]


def test_concurrent_creations_respect_the_quota(kms, key):
    """Many clients race for the last places: exactly fifty win."""
    prefix = f"alias/{uuid.uuid4()}"

    def create(number):
        try:
            kms.create_alias(AliasName=f"{prefix}/{number}", TargetKeyId=key["KeyId"])
            return "created"
        except ClientError as error:
            return error.response["Error"]["Code"]

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(create, range(80)))
    assert results.count("created") == 50, results
    assert results.count("LimitExceededException") == 30, results
    assert len(kms.list_aliases(KeyId=key["KeyId"], Limit=100)["Aliases"]) == 50
