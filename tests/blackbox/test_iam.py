"""IAM users, inline policies and access keys, by the Query protocol. Source: IAM API reference."""

import json
import uuid

import pytest

from claviger_server import ACCOUNT, Credentials
from refusals import refused

ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


@pytest.fixture
def user(iam):
    name = f"user-{uuid.uuid4()}"
    return iam.create_user(UserName=name)["User"]


def test_create_and_get_user(iam, user):
    name = user["UserName"]
    assert user["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{name}"
    assert user["UserId"].startswith("AIDA") and user["Path"] == "/"
    assert iam.get_user(UserName=name)["User"] == user


def test_a_path(iam):
    name = f"user-{uuid.uuid4()}"
    made = iam.create_user(UserName=name, Path="/division/team/")["User"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/division/team/{name}"


def test_get_user_without_a_name_is_the_caller(iam):
    assert iam.get_user()["User"]["UserName"] == "admin"


def test_names_are_taken_once_whatever_their_case(iam, user):
    for name in [user["UserName"], user["UserName"].upper()]:
        with refused("EntityAlreadyExists", f"User with name {name} already exists.", 409):
            iam.create_user(UserName=name)


def test_missing_user(iam):
    for call in [iam.get_user, iam.delete_user, iam.create_access_key, iam.list_access_keys]:
        with refused("NoSuchEntity", "The user with name nobody cannot be found.", 404):
            call(UserName="nobody")


def test_list_users_by_pages(iam):
    made = {iam.create_user(UserName=f"paged-{uuid.uuid4()}")["User"]["UserName"] for _ in range(5)}
    pages = list(iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 2}))
    assert all(len(page["Users"]) <= 2 for page in pages)
    names = [user["UserName"] for page in pages for user in page["Users"]]
    assert made <= set(names) and len(names) == len(set(names)) and "admin" in names


def test_inline_policies(iam, user):
    name = user["UserName"]
    text = json.dumps(ALLOW_ALL, indent=2)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=text)
    answer = iam.get_user_policy(UserName=name, PolicyName="all")
    assert (answer["UserName"], answer["PolicyName"], answer["PolicyDocument"]) == (name, "all", ALLOW_ALL)
    iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(ALLOW_ALL).replace("Allow", "Deny"))
    assert iam.get_user_policy(UserName=name, PolicyName="all")["PolicyDocument"]["Statement"][0]["Effect"] == "Deny"
    with refused("DeleteConflict", None, 409):
        iam.delete_user(UserName=name)
    iam.delete_user_policy(UserName=name, PolicyName="all")
    for call in [iam.get_user_policy, iam.delete_user_policy]:
        with refused("NoSuchEntity", "The user policy with name all cannot be found.", 404):
            call(UserName=name, PolicyName="all")


@pytest.mark.parametrize(
    "document",
    [
        "{",
        "{}",
        json.dumps(ALLOW_ALL).replace("Allow", "Perhaps"),
        json.dumps(ALLOW_ALL).replace('"Resource": "*"', '"Resource": "*", "NotResource": "*"'),
        json.dumps({"Version": "2012-10-17", "Statement": [{**ALLOW_ALL["Statement"][0], "Principal": "*"}]}),
        json.dumps({"Version": "2012-10-17", "Statement": [{**ALLOW_ALL["Statement"][0], "Condition": {"Sometimes": {"aws:SourceIp": "::1"}}}]}),
    ],
)
def test_malformed_policies(iam, user, document):
    with refused("MalformedPolicyDocument", None, 400):
        iam.put_user_policy(UserName=user["UserName"], PolicyName="p", PolicyDocument=document)
    with refused("NoSuchEntity"):
        iam.get_user_policy(UserName=user["UserName"], PolicyName="p")


def test_policies_of_a_user_have_a_size(iam, user):
    statement = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": ["arn:aws:kms:*:*:key/" + "a" * 100] * 20}
    with refused("LimitExceeded", None, 409):
        iam.put_user_policy(
            UserName=user["UserName"],
            PolicyName="p",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
        )


def test_access_keys(server, iam, user):
    name = user["UserName"]
    made = iam.create_access_key(UserName=name)["AccessKey"]
    assert made["AccessKeyId"].startswith("AKIA") and len(made["AccessKeyId"]) == 20
    assert len(made["SecretAccessKey"]) == 40 and made["Status"] == "Active" and made["UserName"] == name
    second = iam.create_access_key(UserName=name)["AccessKey"]
    assert second["SecretAccessKey"] != made["SecretAccessKey"]
    with refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", 409):
        iam.create_access_key(UserName=name)
    listed = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    assert {key["AccessKeyId"] for key in listed} == {made["AccessKeyId"], second["AccessKeyId"]}
    assert not any("SecretAccessKey" in key for key in listed)
    theirs = server.client("sts", Credentials(made["AccessKeyId"], made["SecretAccessKey"]))
    assert theirs.get_caller_identity()["UserId"] == user["UserId"]
    with refused("DeleteConflict", None, 409):
        iam.delete_user(UserName=name)
    iam.delete_access_key(UserName=name, AccessKeyId=made["AccessKeyId"])
    with refused("InvalidClientTokenId", None, 403):
        theirs.get_caller_identity()
    with refused("NoSuchEntity", None, 404):
        iam.delete_access_key(UserName=name, AccessKeyId=made["AccessKeyId"])
    iam.delete_access_key(UserName=name, AccessKeyId=second["AccessKeyId"])
    iam.delete_user(UserName=name)
    with refused("NoSuchEntity", None, 404):
        iam.get_user(UserName=name)


def test_a_user_id_is_never_given_twice(iam, user):
    iam.delete_user(UserName=user["UserName"])
    assert iam.create_user(UserName=user["UserName"])["User"]["UserId"] != user["UserId"]


def test_a_stranger_is_refused(server, user):
    name = f"user-{uuid.uuid4()}"
    theirs = server.client("iam", server.create_user(name))
    arn = f"arn:aws:iam::{ACCOUNT}:user/"
    for operation, call in [
        ("CreateUser", lambda: theirs.create_user(UserName="mine")),
        ("GetUser", lambda: theirs.get_user(UserName=user["UserName"])),
        ("DeleteUser", lambda: theirs.delete_user(UserName=user["UserName"])),
        ("CreateAccessKey", lambda: theirs.create_access_key(UserName=user["UserName"])),
        (
            "PutUserPolicy",
            lambda: theirs.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(ALLOW_ALL)),
        ),
    ]:
        with refused("AccessDenied", None, 403) as caught:
            call()
        message = caught.value.response["Error"]["Message"]
        head = f"User: {arn}{name} is not authorized to perform: iam:{operation} on resource: "
        assert message.startswith((f"{head}{arn}", f"{head}user ")), message
        assert message.endswith(f"because no identity-based policy allows the iam:{operation} action"), message


def test_accounts_do_not_see_one_another(server, user, second_account):
    theirs = server.client("iam", second_account)
    with refused("NoSuchEntity", None, 404):
        theirs.get_user(UserName=user["UserName"])
    assert user["UserName"] not in [other["UserName"] for other in theirs.list_users()["Users"]]
    assert theirs.create_user(UserName=user["UserName"])["User"]["UserId"] != user["UserId"]


def test_validation(iam):
    for name in ["a b", "ü", "a" * 129]:
        with refused("ValidationError", None, 400):
            iam.create_user(UserName=name)


def test_tags_and_boundary(iam):
    name = f"user-{uuid.uuid4()}"
    boundary = "arn:aws:iam::aws:policy/ReadOnlyAccess"
    made = iam.create_user(UserName=name, Tags=[{"Key": "a", "Value": "b"}], PermissionsBoundary=boundary)["User"]
    assert made["Tags"] == [{"Key": "a", "Value": "b"}]
    assert made["PermissionsBoundary"]["PermissionsBoundaryArn"] == boundary
    assert iam.get_user(UserName=name)["User"] == made
