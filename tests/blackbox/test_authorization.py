"""Who is let in: key policy and identity policy, Allow and Deny, the exact refusals. One account only."""

import json
import uuid

import pytest

from claviger_server import ACCOUNT, REGION
from refusals import refused

ROOT = f"arn:aws:iam::{ACCOUNT}:root"


def statement(effect, action, resource="*", **more):
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def user_arn(name):
    return f"arn:aws:iam::{ACCOUNT}:user/{name}"


@pytest.fixture
def user(server):
    """Makes a user with these statements in one policy: name and KMS client."""

    def make(*statements):
        name = f"user-{uuid.uuid4()}"
        policies = [document(*statements)] if statements else []
        return name, server.kms(server.create_user(name, *policies))

    return make


def denied(name, action, resource, reason):
    message = f"User: {user_arn(name)} is not authorized to perform: kms:{action} on resource: {resource} {reason}"
    return refused("AccessDeniedException", message, 400)


def no_identity(action):
    return f"because no identity-based policy allows the kms:{action} action"


def no_resource(action):
    return f"because no resource-based policy allows the kms:{action} action"


EXPLICIT_IDENTITY = "with an explicit deny in an identity-based policy"
EXPLICIT_RESOURCE = "with an explicit deny in a resource-based policy"


def test_a_small_policy_lets_in_for_what_it_says(user, key, shared_key):
    name, kms = user(statement("Allow", "kms:Encrypt", key["Arn"]))
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    with denied(name, "DescribeKey", key["Arn"], no_identity("DescribeKey")):
        kms.describe_key(KeyId=key["KeyId"])
    with denied(name, "Encrypt", shared_key["Arn"], no_identity("Encrypt")):
        kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x")
    message = (
        f"User: {user_arn(name)} is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext "
        "because no identity-based policy allows the kms:Decrypt action"
    )
    with refused("AccessDeniedException", message, 400):
        kms.decrypt(CiphertextBlob=blob)
    with denied(name, "Decrypt", key["Arn"], no_identity("Decrypt")):
        kms.decrypt(CiphertextBlob=blob, KeyId=key["KeyId"])


STRANGER_ON_A_KEY = {
    "CancelKeyDeletion": {},
    "DescribeKey": {},
    "DisableKey": {},
    "EnableKey": {},
    "Encrypt": {"Plaintext": b"x"},
    "GenerateDataKey": {"KeySpec": "AES_256"},
    "GenerateDataKeyWithoutPlaintext": {"KeySpec": "AES_256"},
    "GenerateMac": {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256"},
    "GetKeyPolicy": {},
    "ListKeyPolicies": {},
    "ListResourceTags": {},
    "PutKeyPolicy": {"Policy": json.dumps(document(statement("Allow", "kms:*", Principal="*")))},
    "ScheduleKeyDeletion": {},
    "TagResource": {"Tags": [{"TagKey": "a", "TagValue": "b"}]},
    "UntagResource": {"TagKeys": ["a"]},
    "UpdateKeyDescription": {"Description": "mine"},
    "VerifyMac": {"Message": b"m", "MacAlgorithm": "HMAC_SHA_256", "Mac": b"m"},
}
STRANGER_ON_THE_ACCOUNT = {
    "CreateKey": {},
    "GenerateRandom": {"NumberOfBytes": 1},
    "ListAliases": {},
    "ListKeys": {},
}


@pytest.fixture(scope="module")
def stranger(server):
    return server.kms(server.create_user("stranger"))


def call(kms, operation, **parameters):
    python_name = {api: python for python, api in kms.meta.method_to_api_mapping.items()}[operation]
    return getattr(kms, python_name)(**parameters)


@pytest.mark.parametrize("operation", STRANGER_ON_A_KEY)
def test_a_stranger_is_refused_on_a_key(stranger, shared_key, operation):
    with denied("stranger", operation, shared_key["Arn"], no_identity(operation)):
        call(stranger, operation, KeyId=shared_key["KeyId"], **STRANGER_ON_A_KEY[operation])


@pytest.mark.parametrize("operation", STRANGER_ON_THE_ACCOUNT)
def test_a_stranger_is_refused_on_the_account(stranger, operation):
    with denied("stranger", operation, "*", no_identity(operation)):
        call(stranger, operation, **STRANGER_ON_THE_ACCOUNT[operation])


def test_a_stranger_and_a_missing_key(stranger):
    """Resolution comes before authorization in the caller's own account."""
    with refused("NotFoundException"):
        stranger.describe_key(KeyId=str(uuid.uuid4()))


@pytest.mark.parametrize(
    ("action", "resource", "let_in"),
    [
        ("kms:*", "*", True),
        ("*", "*", True),
        ("KMS:DESCRIBEKEY", "*", True),
        ("kms:Describe*", "*", True),
        ("kms:?escribeKey", "*", True),
        (["kms:Encrypt", "kms:DescribeKey"], ["*"], True),
        ("kms:DescribeKey", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/*", True),
        ("kms:DescribeKey", f"arn:aws:kms:*:{ACCOUNT}:key/*", True),
        ("kms:DescribeKey", f"arn:aws:kms:{REGION}:{ACCOUNT}:*", True),
        ("kms:Describe", "*", False),
        ("kms:DescribeKeys", "*", False),
        ("s3:*", "*", False),
        ("kms:DescribeKey", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/*", False),
        ("kms:DescribeKey", f"arn:aws:kms:{REGION}:222233334444:key/*", False),
        ("kms:DescribeKey", f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/*", False),
        ("kms:DescribeKey", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/0000*", False),
    ],
)
def test_actions_and_resources(user, shared_key, action, resource, let_in):
    name, kms = user(statement("Allow", action, resource))
    if let_in:
        assert kms.describe_key(KeyId=shared_key["KeyId"])["KeyMetadata"]["Enabled"]
        return
    with denied(name, "DescribeKey", shared_key["Arn"], no_identity("DescribeKey")):
        kms.describe_key(KeyId=shared_key["KeyId"])


def test_an_explicit_deny_ends_it(user, kms, key):
    name, theirs = user(statement("Allow", "kms:*"), statement("Deny", "kms:Encrypt", key["Arn"]))
    assert theirs.describe_key(KeyId=key["KeyId"])
    with denied(name, "Encrypt", key["Arn"], EXPLICIT_IDENTITY):
        theirs.encrypt(KeyId=key["KeyId"], Plaintext=b"x")


def key_policy(*statements):
    enable_iam = statement("Allow", "kms:*", Principal={"AWS": ROOT})
    return json.dumps(document(enable_iam, *statements))


@pytest.mark.parametrize("principal", ["user", "account", "*", {"AWS": "*"}])
def test_a_deny_in_the_key_policy(user, kms, key, principal):
    name, theirs = user(statement("Allow", "kms:*"))
    who = {"user": {"AWS": user_arn(name)}, "account": {"AWS": ACCOUNT}}.get(
        principal if isinstance(principal, str) else "", principal
    )
    kms.put_key_policy(KeyId=key["KeyId"], Policy=key_policy(statement("Deny", "kms:Encrypt", Principal=who)))
    with denied(name, "Encrypt", key["Arn"], EXPLICIT_RESOURCE):
        theirs.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    assert theirs.describe_key(KeyId=key["KeyId"])


def test_the_key_policy_lets_a_user_in_alone(user, kms, key):
    name, theirs = user()
    allow = statement("Allow", ["kms:Encrypt", "kms:Decrypt"], Principal={"AWS": [user_arn(name)]})
    kms.put_key_policy(KeyId=key["KeyId"], Policy=key_policy(allow))
    blob = theirs.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    assert theirs.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with denied(name, "DescribeKey", key["Arn"], no_identity("DescribeKey")):
        theirs.describe_key(KeyId=key["KeyId"])


def test_the_identity_policy_counts_only_if_the_key_policy_lets_the_account_in(user, kms, key):
    name, theirs = user(statement("Allow", "kms:*"))
    only_admin = json.dumps(document(statement("Allow", "kms:*", Principal={"AWS": user_arn("admin")})))
    kms.put_key_policy(KeyId=key["KeyId"], Policy=only_admin)
    with denied(name, "Encrypt", key["Arn"], no_resource("Encrypt")):
        theirs.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    assert kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")


def test_a_new_user_of_the_same_name_is_another_user(server, user, kms, iam, key):
    name, theirs = user()
    allow = statement("Allow", "kms:Encrypt", Principal={"AWS": user_arn(name)})
    kms.put_key_policy(KeyId=key["KeyId"], Policy=key_policy(allow))
    assert theirs.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    (old,) = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    iam.delete_access_key(UserName=name, AccessKeyId=old["AccessKeyId"])
    iam.delete_user(UserName=name)
    again = server.kms(server.create_user(name))
    with denied(name, "Encrypt", key["Arn"], no_identity("Encrypt")):
        again.encrypt(KeyId=key["KeyId"], Plaintext=b"x")


def test_a_policy_change_counts_at_once(server, user, iam, key):
    name, theirs = user()
    for _ in range(5):
        iam.put_user_policy(
            UserName=name,
            PolicyName="p",
            PolicyDocument=json.dumps(document(statement("Allow", "kms:Encrypt", key["Arn"]))),
        )
        assert theirs.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
        iam.delete_user_policy(UserName=name, PolicyName="p")
        with denied(name, "Encrypt", key["Arn"], no_identity("Encrypt")):
            theirs.encrypt(KeyId=key["KeyId"], Plaintext=b"x")


def test_aliases_ask_about_alias_and_key(user, key):
    alias = f"alias/{uuid.uuid4()}"
    alias_arn = f"arn:aws:kms:{REGION}:{ACCOUNT}:{alias}"
    name, only_key = user(statement("Allow", "kms:CreateAlias", key["Arn"]))
    with denied(name, "CreateAlias", alias_arn, no_identity("CreateAlias")):
        only_key.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    name, only_alias = user(statement("Allow", "kms:CreateAlias", alias_arn))
    with denied(name, "CreateAlias", key["Arn"], no_identity("CreateAlias")):
        only_alias.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    name, both = user(statement("Allow", ["kms:CreateAlias", "kms:Encrypt"], [alias_arn, key["Arn"]]))
    both.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    assert both.encrypt(KeyId=alias, Plaintext=b"x")
    name, use_of_alias = user(statement("Allow", "kms:Encrypt", alias_arn))
    with denied(name, "Encrypt", key["Arn"], no_identity("Encrypt")):
        use_of_alias.encrypt(KeyId=alias, Plaintext=b"x")


def test_re_encrypt_asks_about_two_keys(user, kms, key, shared_key):
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    request = {"CiphertextBlob": blob, "SourceKeyId": key["KeyId"], "DestinationKeyId": shared_key["KeyId"]}
    name, only_from = user(statement("Allow", "kms:ReEncryptFrom", key["Arn"]))
    with denied(name, "ReEncryptTo", shared_key["Arn"], no_identity("ReEncryptTo")):
        only_from.re_encrypt(**request)
    name, only_to = user(statement("Allow", "kms:ReEncryptTo", shared_key["Arn"]))
    with denied(name, "ReEncryptFrom", key["Arn"], no_identity("ReEncryptFrom")):
        only_to.re_encrypt(**request)
    _, both = user(
        statement("Allow", "kms:ReEncryptFrom", key["Arn"]), statement("Allow", "kms:ReEncryptTo", shared_key["Arn"])
    )
    assert both.re_encrypt(**request)["KeyId"] == shared_key["Arn"]
    _, star = user(statement("Allow", "kms:ReEncrypt*"))
    assert star.re_encrypt(**request)["KeyId"] == shared_key["Arn"]


def test_create_key_with_tags_needs_tag_resource(user):
    name, kms = user(statement("Allow", ["kms:CreateKey", "kms:PutKeyPolicy"]))
    assert kms.create_key()["KeyMetadata"]["Enabled"]
    message = (
        f"User: {user_arn(name)} is not authorized to perform: kms:TagResource "
        "because no identity-based policy allows the kms:TagResource action"
    )
    with refused("AccessDeniedException", message, 400):
        kms.create_key(Tags=[{"TagKey": "a", "TagValue": "b"}])


def test_create_key_looks_at_the_lockout_of_its_caller(user):
    """Without PutKeyPolicy in the identity policy, the default key policy would lock the caller out."""
    _, kms = user(statement("Allow", "kms:CreateKey"))
    with refused(
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    ):
        kms.create_key(Policy=key_policy())
    assert kms.create_key(Policy=key_policy(), BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Enabled"]
