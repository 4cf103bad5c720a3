"""Several accounts and Regions: a key of one is not reachable from another unless both sides say yes."""

import json
import uuid

import pytest

from claviger_server import ACCOUNT, REGION
from refusals import refused

OTHER = "222233334444"
FIRST_ROOT = f"arn:aws:iam::{ACCOUNT}:root"
OTHER_ROOT = f"arn:aws:iam::{OTHER}:root"
OTHER_ADMIN = f"arn:aws:iam::{OTHER}:user/admin"


def not_let_in(action, user=OTHER_ADMIN):
    message = (
        f"User: {user} is not authorized to perform: kms:{action} on this resource because the resource does not exist in "
        "this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access"
    )
    return refused("AccessDeniedException", message, 400)


def not_let_in_by_ciphertext(action, user=OTHER_ADMIN):
    message = (
        f"User: {user} is not authorized to perform: kms:{action} on the resource associated with this ciphertext because the "
        "resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy "
        "explicitly denies access"
    )
    return refused("AccessDeniedException", message, 400)


def shared_policy(*principals, actions="kms:*"):
    own = {"Effect": "Allow", "Principal": {"AWS": FIRST_ROOT}, "Action": "kms:*", "Resource": "*"}
    theirs = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": actions, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [own, theirs]})


def test_a_foreign_key_arn(other_kms, shared_key):
    for arn in [shared_key["Arn"], f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{uuid.uuid4()}"]:
        with not_let_in("Encrypt"):
            other_kms.encrypt(KeyId=arn, Plaintext=b"x")
        with not_let_in("DescribeKey"):
            other_kms.describe_key(KeyId=arn)
        with not_let_in("DisableKey"):
            other_kms.disable_key(KeyId=arn)


def test_a_foreign_key_id_is_looked_up_in_the_callers_account(other_kms, shared_key):
    message = f"Key 'arn:aws:kms:{REGION}:{OTHER}:key/{shared_key['KeyId']}' does not exist"
    with refused("NotFoundException", message, 400):
        other_kms.describe_key(KeyId=shared_key["KeyId"])


def test_a_foreign_alias(kms, other_kms, key):
    alias = f"alias/{uuid.uuid4()}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    with refused("NotFoundException", f"Alias arn:aws:kms:{REGION}:{OTHER}:{alias} is not found."):
        other_kms.describe_key(KeyId=alias)
    for name in [alias, "alias/missing"]:
        with not_let_in("Encrypt"):
            other_kms.encrypt(KeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:{name}", Plaintext=b"x")
    kms.put_key_policy(KeyId=key["KeyId"], Policy=shared_policy(OTHER_ROOT))
    assert other_kms.encrypt(KeyId=f"arn:aws:kms:{REGION}:{ACCOUNT}:{alias}", Plaintext=b"x")["KeyId"] == key["Arn"]


def test_a_foreign_ciphertext(kms, other_kms, shared_key):
    blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    with not_let_in_by_ciphertext("Decrypt"):
        other_kms.decrypt(CiphertextBlob=blob)
    own = other_kms.create_key()["KeyMetadata"]["KeyId"]
    with not_let_in_by_ciphertext("ReEncryptFrom"):
        other_kms.re_encrypt(CiphertextBlob=blob, DestinationKeyId=own)


@pytest.mark.parametrize("principal", [OTHER, OTHER_ROOT, OTHER_ADMIN])
def test_two_yeses_let_in(kms, other_kms, key, principal):
    kms.put_key_policy(KeyId=key["KeyId"], Policy=shared_policy(principal))
    sealed = other_kms.encrypt(KeyId=key["Arn"], Plaintext=b"x")
    assert sealed["KeyId"] == key["Arn"]
    assert kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])["Plaintext"] == b"x"
    assert other_kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"], KeyId=key["Arn"])["Plaintext"] == b"x"
    assert other_kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])["Plaintext"] == b"x"
    assert other_kms.describe_key(KeyId=key["Arn"])["KeyMetadata"]["AWSAccountId"] == ACCOUNT


def test_one_yes_is_not_enough(server, kms, second_account, key):
    kms.put_key_policy(KeyId=key["KeyId"], Policy=shared_policy(OTHER_ROOT))
    name = f"user-{uuid.uuid4()}"
    theirs = server.kms(server.create_user(name, admin=second_account))
    with refused("AccessDeniedException", None, 400):
        theirs.encrypt(KeyId=key["Arn"], Plaintext=b"x")
    iam = server.client("iam", second_account)
    statement = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": key["Arn"]}
    iam.put_user_policy(
        UserName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    assert theirs.encrypt(KeyId=key["Arn"], Plaintext=b"x")["KeyId"] == key["Arn"]
    kms.put_key_policy(KeyId=key["KeyId"], Policy=shared_policy(FIRST_ROOT))
    with not_let_in("Encrypt", f"arn:aws:iam::{OTHER}:user/{name}"):
        theirs.encrypt(KeyId=key["Arn"], Plaintext=b"x")


def test_only_the_actions_that_are_shared(kms, other_kms, key):
    kms.put_key_policy(KeyId=key["KeyId"], Policy=shared_policy(OTHER_ROOT, actions="kms:Encrypt"))
    blob = other_kms.encrypt(KeyId=key["Arn"], Plaintext=b"x")["CiphertextBlob"]
    with not_let_in("Decrypt"):
        other_kms.decrypt(CiphertextBlob=blob, KeyId=key["Arn"])


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("disable_key", {}),
        ("schedule_key_deletion", {}),
        ("get_key_policy", {}),
        ("put_key_policy", {"Policy": shared_policy(OTHER_ROOT)}),
        ("tag_resource", {"Tags": [{"TagKey": "a", "TagValue": "b"}]}),
        ("update_key_description", {"Description": "theirs"}),
    ],
)
def test_management_never_works_across_accounts(kms, other_kms, key, operation, parameters):
    kms.put_key_policy(KeyId=key["KeyId"], Policy=shared_policy(OTHER_ROOT))
    with refused("AccessDeniedException", None, 400):
        getattr(other_kms, operation)(KeyId=key["Arn"], **parameters)


def test_lists_hold_only_ones_own(kms, other_kms, shared_key):
    own = other_kms.create_key()["KeyMetadata"]
    assert own["AWSAccountId"] == OTHER
    theirs = [key["KeyId"] for page in other_kms.get_paginator("list_keys").paginate() for key in page["Keys"]]
    assert own["KeyId"] in theirs and shared_key["KeyId"] not in theirs
    ours = [key["KeyId"] for page in kms.get_paginator("list_keys").paginate() for key in page["Keys"]]
    assert own["KeyId"] not in ours and shared_key["KeyId"] in ours


def test_the_same_alias_in_two_accounts_and_two_regions(server, kms, other_kms, key):
    alias = f"alias/{uuid.uuid4()}"
    elsewhere = server.kms(region="ap-southeast-2")
    arns = {key["Arn"]}
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    for client in [other_kms, elsewhere]:
        made = client.create_key()["KeyMetadata"]
        client.create_alias(AliasName=alias, TargetKeyId=made["KeyId"])
        arns.add(client.describe_key(KeyId=alias)["KeyMetadata"]["Arn"])
    assert len(arns) == 3
    assert {client.describe_key(KeyId=alias)["KeyMetadata"]["Arn"] for client in [kms, other_kms, elsewhere]} == arns


def test_another_region(server, kms, shared_key):
    elsewhere = server.kms(region="eu-west-1")
    blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    message = f"Key 'arn:aws:kms:eu-west-1:{ACCOUNT}:key/{shared_key['KeyId']}' does not exist"
    with refused("NotFoundException", message, 400):
        elsewhere.describe_key(KeyId=shared_key["KeyId"])
    with refused("NotFoundException", f"Invalid arn {REGION}", 400):
        elsewhere.encrypt(KeyId=shared_key["Arn"], Plaintext=b"x")
    with not_let_in_by_ciphertext("Decrypt", f"arn:aws:iam::{ACCOUNT}:user/admin"):
        elsewhere.decrypt(CiphertextBlob=blob)


@pytest.mark.parametrize(
    "region", ["us-east-1", "us-west-2", "eu-central-1", "ap-northeast-3", "me-central-1", "sa-east-1"]
)
def test_every_commercial_region_is_served(server, region):
    key = server.kms(region=region).create_key()["KeyMetadata"]
    assert key["Arn"].startswith(f"arn:aws:kms:{region}:{ACCOUNT}:key/")


def test_an_account_is_made_once(server, second_account):
    done = server.run("account", "create", "--id", OTHER, "--name", "again", "--output", "json")
    assert done.returncode != 0 and OTHER in done.stderr, f"{done.stdout}\n{done.stderr}"
