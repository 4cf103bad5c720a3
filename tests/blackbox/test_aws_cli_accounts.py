"""The AWS CLI, unmodified, sets up two accounts that share a key: users, groups, roles, policies, grants, and their ends."""

import base64
import json
import subprocess
import sys

import pytest

from claviger_server import ACCOUNT, Credentials

OTHER = "222233334444"
USE = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt"]


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions, resource="*", **more):
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def trusts(principal):
    return document({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"})


@pytest.fixture
def aws(own_server):
    """Runs `aws …` by somebody's credentials, as the admin if nobody is named."""

    def run(*arguments, by=None, fails=False):
        done = subprocess.run(
            [sys.executable, "-m", "awscli", "--output", "json", *map(str, arguments)],
            env=own_server.client_environment(by),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, f"aws {arguments}\n{done.stdout}\n{done.stderr}"
        return done.stderr if fails else json.loads(done.stdout or "{}")

    return run


@pytest.fixture
def new_user(aws):
    def make(name, by=None):
        user = aws("iam", "create-user", "--user-name", name, by=by)["User"]
        key = aws("iam", "create-access-key", "--user-name", name, by=by)["AccessKey"]
        return user["Arn"], Credentials(key["AccessKeyId"], key["SecretAccessKey"])

    return make


@pytest.fixture
def assume(aws):
    def run(role, by, *more):
        made = aws("sts", "assume-role", "--role-arn", role, "--role-session-name", "cli", *more, by=by)["Credentials"]
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    return run


def test_two_accounts_share_a_key(aws, own_server, new_user, assume, tmp_path):
    other = own_server.create_account(OTHER, "second")
    key = aws("kms", "create-key", "--description", "shared")["KeyMetadata"]["Arn"]
    aws("kms", "create-alias", "--alias-name", "alias/shared", "--target-key-id", key)
    alias = key.split(":key/")[0] + ":alias/shared"

    # The first account: a user who may by a group's managed policy, and a role for the other account.
    _, ann = new_user("ann")
    policy = aws("iam", "create-policy", "--policy-name", "use", "--policy-document", document(allow(USE, key)))
    aws("iam", "create-group", "--group-name", "users")
    aws("iam", "attach-group-policy", "--group-name", "users", "--policy-arn", policy["Policy"]["Arn"])
    aws("iam", "add-user-to-group", "--group-name", "users", "--user-name", "ann")
    guests = aws(
        "iam", "create-role", "--role-name", "guests", "--assume-role-policy-document",
        trusts(f"arn:aws:iam::{OTHER}:root"),
    )["Role"]["Arn"]
    aws("iam", "attach-role-policy", "--role-name", "guests", "--policy-arn", policy["Policy"]["Arn"])

    # The other account: a user and a role with policies of their own.
    bob_arn, bob = new_user("bob", by=other)
    mine = document(allow("sts:AssumeRole"), allow(USE, key))
    aws("iam", "put-user-policy", "--user-name", "bob", "--policy-name", "p", "--policy-document", mine, by=other)
    build = aws(
        "iam", "create-role", "--role-name", "build", "--assume-role-policy-document", trusts(bob_arn), by=other
    )["Role"]["Arn"]
    use = ("--policy-name", "p", "--policy-document", document(allow(USE, key)))
    aws("iam", "put-role-policy", "--role-name", "build", *use, by=other)
    session = assume(build, bob)
    assert aws("sts", "get-caller-identity", by=session)["Arn"] == f"arn:aws:sts::{OTHER}:assumed-role/build/cli"

    def encrypt(by, key_id=key, fails=False):
        return aws("kms", "encrypt", "--key-id", key_id, "--plaintext", "shared", by=by, fails=fails)

    # Until the key policy lets the other account in, only a role of the key's account lets its users in.
    encrypt(ann)
    for stranger in [bob, session]:
        assert "AccessDeniedException" in encrypt(stranger, fails=True)
    encrypt(assume(guests, bob))

    # The policy names the user and the role; a Sid tells them apart.
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    shared = document(
        allow("kms:*", Principal=root), allow(USE, Principal={"AWS": [bob_arn, build]}, Sid="OtherAccount")
    )
    put = ("kms", "put-key-policy", "--key-id", key, "--policy-name", "default", "--policy")
    aws(*put, shared)
    sealed = base64.b64decode(encrypt(bob)["CiphertextBlob"])
    (tmp_path / "sealed").write_bytes(sealed)
    blob = ("--ciphertext-blob", f"fileb://{tmp_path}/sealed")
    for reader in [ann, bob, session]:
        assert base64.b64decode(aws("kms", "decrypt", *blob, "--key-id", key, by=reader)["Plaintext"]) == b"shared"
    encrypt(session, alias)
    assert aws("kms", "describe-key", "--key-id", alias, by=bob)["KeyMetadata"]["Arn"] == key
    # A session policy takes away, and the other account's lists hold its own keys only.
    narrow = assume(build, bob, "--policy", document(allow("kms:DescribeKey")))
    aws("kms", "describe-key", "--key-id", key, by=narrow)
    assert "AccessDeniedException" in encrypt(narrow, fails=True)
    assert aws("kms", "list-keys", by=other)["Keys"] == [] == aws("kms", "list-aliases", by=other)["Aliases"]


def test_grants_to_the_other_account_and_principals_that_are_gone(aws, own_server, new_user, assume):
    other = own_server.create_account(OTHER, "second")
    key = aws("kms", "create-key")["KeyMetadata"]["Arn"]
    carl_arn, carl = new_user("carl", by=other)
    use = ("--policy-name", "p", "--policy-document", document(allow(USE, key)))
    aws("iam", "put-user-policy", "--user-name", "carl", *use, by=other)
    build = aws(
        "iam", "create-role", "--role-name", "build", "--assume-role-policy-document",
        trusts(f"arn:aws:iam::{OTHER}:root"), by=other,
    )["Role"]
    aws("iam", "put-role-policy", "--role-name", "build", *use, by=other)
    session = assume(build["Arn"], other)

    def encrypt(by, *more, fails=False):
        return aws("kms", "encrypt", "--key-id", key, "--plaintext", "x", *more, by=by, fails=fails)

    def grant(grantee, *more):
        terms = ("--key-id", key, "--grantee-principal", grantee, "--operations", "Encrypt", "DescribeKey")
        return aws("kms", "create-grant", *terms, *more)

    for grantee, by in [(carl_arn, carl), (build["Arn"], session)]:
        assert "AccessDeniedException" in encrypt(by, fails=True)
        retiring = ("--retiring-principal", f"arn:aws:iam::{OTHER}:root")
        given = grant(grantee, *retiring, "--constraints", "EncryptionContextSubset={tenant=a}")
        encrypt(by, "--encryption-context", "tenant=a,more=b", "--grant-tokens", given["GrantToken"])
        assert "AccessDeniedException" in encrypt(by, "--encryption-context", "tenant=b", fails=True)
    retirable = aws("kms", "list-retirable-grants", "--retiring-principal", f"arn:aws:iam::{OTHER}:root", by=other)
    assert {entry["GranteePrincipal"] for entry in retirable["Grants"]} == {carl_arn, build["Arn"]}

    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    shared = document(allow("kms:*", Principal=root), allow(USE, Principal={"AWS": [carl_arn, build["Arn"]]}))
    aws("kms", "put-key-policy", "--key-id", key, "--policy-name", "default", "--policy", shared)
    encrypt(carl)
    encrypt(session)

    # Both go; names that come again are somebody else's, in the policy and in the grants.
    carl_id = aws("iam", "get-user", "--user-name", "carl", by=other)["User"]["UserId"]
    aws("iam", "delete-access-key", "--user-name", "carl", "--access-key-id", carl.access_key_id, by=other)
    aws("iam", "delete-user-policy", "--user-name", "carl", "--policy-name", "p", by=other)
    aws("iam", "delete-user", "--user-name", "carl", by=other)
    aws("iam", "delete-role-policy", "--role-name", "build", "--policy-name", "p", by=other)
    aws("iam", "delete-role", "--role-name", "build", by=other)
    _, again = new_user("carl", by=other)
    aws("iam", "put-user-policy", "--user-name", "carl", *use, by=other)
    assert "AccessDeniedException" in encrypt(again, "--encryption-context", "tenant=a", fails=True)
    shown = json.loads(aws("kms", "get-key-policy", "--key-id", key, "--policy-name", "default")["Policy"])
    gone = {carl_id, build["RoleId"]}
    assert set(shown["Statement"][1]["Principal"]["AWS"]) == gone, shown
    grants = aws("kms", "list-grants", "--key-id", key)["Grants"]
    assert {entry["GranteePrincipal"] for entry in grants} == gone, grants
    for entry in grants:
        aws("kms", "revoke-grant", "--key-id", key, "--grant-id", entry["GrantId"])
    assert aws("kms", "list-grants", "--key-id", key)["Grants"] == []
