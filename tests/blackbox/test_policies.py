"""Key policies: the default, putting one, what is refused when it is put. Who is let in: test_authorization.py."""

import json

import pytest

from claviger_server import ACCOUNT
from refusals import refused

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ENABLE_IAM = {
    "Sid": "Enable IAM User Permissions",
    "Effect": "Allow",
    "Principal": {"AWS": ROOT},
    "Action": "kms:*",
    "Resource": "*",
}


def policy(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_default_policy(kms, key):
    answer = kms.get_key_policy(KeyId=key["KeyId"])
    assert answer["PolicyName"] == "default"
    assert json.loads(answer["Policy"]) == {"Version": "2012-10-17", "Id": "key-default-1", "Statement": [ENABLE_IAM]}
    assert kms.list_key_policies(KeyId=key["KeyId"]) | {"ResponseMetadata": 0} == {
        "PolicyNames": ["default"],
        "Truncated": False,
        "ResponseMetadata": 0,
    }


def test_text_comes_back_byte_for_byte(kms, key):
    text = '{ "Version" : "2012-10-17",\n\t"Statement":[' + json.dumps(ENABLE_IAM) + "]}\r\n "
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=text)
    assert kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"] == text
    created = kms.create_key(Policy=text)["KeyMetadata"]
    assert kms.get_key_policy(KeyId=created["Arn"])["Policy"] == text


def test_one_statement_need_not_be_a_list(kms, key):
    kms.put_key_policy(KeyId=key["KeyId"], Policy=json.dumps({"Version": "2012-10-17", "Statement": ENABLE_IAM}))
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Enabled"]


def test_account_number_is_the_root(kms, key):
    kms.put_key_policy(KeyId=key["KeyId"], Policy=policy({**ENABLE_IAM, "Principal": {"AWS": ACCOUNT}}))
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Enabled"]


def test_statements_without_action_or_resource_have_no_effect(kms, key):
    useless = {"Effect": "Deny", "Principal": "*"}
    kms.put_key_policy(
        KeyId=key["KeyId"], Policy=policy(ENABLE_IAM, {**useless, "Action": "kms:*"}, {**useless, "Resource": "*"})
    )
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["Enabled"]


MALFORMED = {
    "no JSON": "{",
    "a list": "[]",
    "text": '"Allow"',
    "no statement": '{"Version":"2012-10-17"}',
    "unknown version": policy(ENABLE_IAM).replace("2012-10-17", "2013-10-17"),
    "unknown element": policy({**ENABLE_IAM, "Actions": "kms:*"}),
    "unknown top element": json.dumps({"Version": "2012-10-17", "Statement": [ENABLE_IAM], "Statements": []}),
    "effect in lower case": policy({**ENABLE_IAM, "Effect": "allow"}),
    "element in lower case": policy({**ENABLE_IAM, "principal": "*"}),
    "no effect": policy({name: value for name, value in ENABLE_IAM.items() if name != "Effect"}),
    "no principal": policy({name: value for name, value in ENABLE_IAM.items() if name != "Principal"}),
    "duplicate key": policy(ENABLE_IAM).replace('"Effect": "Allow"', '"Effect": "Deny", "Effect": "Allow"'),
    "action is a number": policy({**ENABLE_IAM, "Action": 7}),
    "action without a service": policy({**ENABLE_IAM, "Action": "Encrypt"}),
    "deep": '{"Statement":' + "[" * 5000 + "]" * 5000 + "}",
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_malformed(kms, key, kind):
    before = kms.get_key_policy(KeyId=key["KeyId"])["Policy"]
    for call in [
        lambda: kms.put_key_policy(KeyId=key["KeyId"], Policy=MALFORMED[kind]),
        lambda: kms.create_key(Policy=MALFORMED[kind]),
    ]:
        with refused("MalformedPolicyDocumentException", None, 400):
            call()
    assert kms.get_key_policy(KeyId=key["KeyId"])["Policy"] == before


UNUSUAL = {
    "condition": {**ENABLE_IAM, "Condition": {"StringEquals": {"kms:CallerAccount": ACCOUNT}}},
    "not principal": {
        **{name: ENABLE_IAM[name] for name in ("Effect", "Action", "Resource")},
        "NotPrincipal": {"AWS": ROOT},
    },
    "not action": {
        **{name: ENABLE_IAM[name] for name in ("Effect", "Principal", "Resource")},
        "NotAction": "kms:Decrypt",
    },
    "not resource": {**{name: ENABLE_IAM[name] for name in ("Effect", "Principal", "Action")}, "NotResource": "*"},
    "service": {**ENABLE_IAM, "Principal": {"Service": "logs.amazonaws.com"}},
    "variable": {**ENABLE_IAM, "Resource": "arn:aws:kms:*:*:key/${aws:PrincipalTag/key}"},
    "other service's action": {**ENABLE_IAM, "Action": "s3:GetObject"},
    "unknown condition key": {**ENABLE_IAM, "Condition": {"StringEquals": {"nobody:HasThis": "x"}}},
}


@pytest.mark.parametrize("what", UNUSUAL)
def test_unusual_statements_are_kept_as_they_are(kms, key, what):
    document = policy(ENABLE_IAM, UNUSUAL[what])
    kms.put_key_policy(KeyId=key["KeyId"], Policy=document)
    assert kms.get_key_policy(KeyId=key["KeyId"])["Policy"] == document
    kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")


def test_unknown_user(kms, key):
    statement = {**ENABLE_IAM, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/nobody"}}
    with refused(
        "MalformedPolicyDocumentException", "Policy contains a statement with one or more invalid principals."
    ):
        kms.put_key_policy(KeyId=key["KeyId"], Policy=policy(ENABLE_IAM, statement))


LOCKED_OUT = policy({**ENABLE_IAM, "Action": "kms:Encrypt"})


def test_lockout_check(kms, key):
    message = "The new key policy will not allow you to update the key policy in the future."
    for call in [
        lambda: kms.put_key_policy(KeyId=key["KeyId"], Policy=LOCKED_OUT),
        lambda: kms.create_key(Policy=LOCKED_OUT),
    ]:
        with refused("MalformedPolicyDocumentException", message, 400):
            call()


def test_lockout_check_bypassed(kms, key):
    kms.put_key_policy(KeyId=key["KeyId"], Policy=LOCKED_OUT, BypassPolicyLockoutSafetyCheck=True)
    assert kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["KeyId"] == key["Arn"]
    with refused("AccessDeniedException"):
        kms.get_key_policy(KeyId=key["KeyId"])
    with refused("AccessDeniedException"):
        kms.put_key_policy(KeyId=key["KeyId"], Policy=policy(ENABLE_IAM))


def test_policy_names(kms, key):
    with refused("ValidationException", "The AWS_RAM policy can only be managed by the RAM service", 400):
        kms.put_key_policy(KeyId=key["KeyId"], PolicyName="AWS_RAM", Policy=policy(ENABLE_IAM))
    with refused("NotFoundException", "No such policy exists", 400):
        kms.get_key_policy(KeyId=key["KeyId"], PolicyName="other")


def test_size(kms, key):
    def padded(size):
        text = policy(ENABLE_IAM)
        return text + " " * (size - len(text))

    kms.put_key_policy(KeyId=key["KeyId"], Policy=padded(32768))
    with refused("LimitExceededException", None, 400):
        kms.put_key_policy(KeyId=key["KeyId"], Policy=padded(32769))
    assert len(kms.get_key_policy(KeyId=key["KeyId"])["Policy"]) == 32768
