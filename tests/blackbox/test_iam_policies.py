"""IAM managed policies: versions, attachments, uses; accounts as a whole. Source: IAM API reference."""

import json
import uuid

import pytest

from claviger_server import ACCOUNT
from refusals import refused


def allow(action):
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]}


def fresh(kind):
    return f"{kind}-{uuid.uuid4()}"


@pytest.fixture
def policy(iam):
    document = json.dumps(allow("kms:ListKeys"), indent=2)
    made = iam.create_policy(PolicyName=fresh("policy"), PolicyDocument=document, Description="d", Path="/p/")
    return made["Policy"]


def test_create_and_get(iam, policy):
    name, arn = policy["PolicyName"], policy["Arn"]
    assert arn == f"arn:aws:iam::{ACCOUNT}:policy/p/{name}" and policy["PolicyId"].startswith("ANPA")
    assert iam.get_policy(PolicyArn=arn)["Policy"] == policy
    version = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]
    assert version["Document"] == allow("kms:ListKeys") and version["IsDefaultVersion"]
    with refused("EntityAlreadyExists", f"A policy called {name} already exists. Duplicate names are not allowed.", 409):
        iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(allow("*")))
    with refused("NoSuchEntity", None, 404):
        iam.get_policy(PolicyArn=f"{arn}x")
    with refused("InvalidInput", None, 400):
        iam.get_policy(PolicyArn="arn:aws:iam:aws:policy/AdministratorAccess")


def test_versions_count_at_once(server, iam, policy):
    arn, name = policy["Arn"], fresh("user")
    kms = server.kms(server.create_user(name))
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    kms.list_keys()
    made = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(allow("kms:ListAliases")))
    assert made["PolicyVersion"]["VersionId"] == "v2" and not made["PolicyVersion"]["IsDefaultVersion"]
    kms.list_keys()
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    kms.list_aliases()
    with refused("AccessDeniedException"):
        kms.list_keys()
    listed = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [(one["VersionId"], one["IsDefaultVersion"]) for one in listed] == [("v2", True), ("v1", False)]
    with refused("DeleteConflict", "Cannot delete the default version of a policy.", 409):
        iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    for number in range(3, 6):
        assert iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(allow("kms:*")))["PolicyVersion"][
            "VersionId"
        ] == f"v{number}"
    with refused("LimitExceeded", None, 409):
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(allow("kms:*")))


def test_a_policy_in_use_stays(iam, policy):
    arn, name = policy["Arn"], fresh("user")
    iam.create_user(UserName=name, PermissionsBoundary=arn)
    with refused("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
        iam.delete_policy(PolicyArn=arn)
    iam.delete_user_permissions_boundary(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=arn)
    with refused("DeleteConflict", "Cannot delete a policy attached to entities.", 409):
        iam.delete_policy(PolicyArn=arn)
    (user,) = iam.list_entities_for_policy(PolicyArn=arn)["PolicyUsers"]
    assert user["UserName"] == name
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    iam.detach_user_policy(UserName=name, PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity", None, 404):
        iam.attach_user_policy(UserName=name, PolicyArn=arn)


def test_a_boundary_takes_away_and_gives_nothing(server, iam, policy):
    everything, nothing = fresh("everything"), fresh("nothing")
    allowed = server.kms(server.create_user(everything, allow("*")))
    denied = server.kms(server.create_user(nothing))
    allowed.list_aliases()
    for name in [everything, nothing]:
        iam.put_user_permissions_boundary(UserName=name, PermissionsBoundary=policy["Arn"])
    allowed.list_keys()
    with refused("AccessDeniedException"):
        allowed.list_aliases()
    with refused("AccessDeniedException"):
        denied.list_keys()
    iam.delete_user_permissions_boundary(UserName=everything)
    allowed.list_aliases()


def test_the_service_has_policies_of_its_own(server, iam):
    own = [one for page in iam.get_paginator("list_policies").paginate(Scope="AWS") for one in page["Policies"]]
    assert {"AdministratorAccess", "AWSKeyManagementServicePowerUser", "ReadOnlyAccess", "IAMFullAccess"} <= {
        one["PolicyName"] for one in own
    }
    for one in own:
        version = iam.get_policy_version(PolicyArn=one["Arn"], VersionId=one["DefaultVersionId"])
        assert version["PolicyVersion"]["Document"]["Statement"]
        for change in [iam.delete_policy, lambda PolicyArn: iam.tag_policy(PolicyArn=PolicyArn, Tags=[{"Key": "a", "Value": "b"}])]:
            with refused("AccessDenied", None, 403):
                change(PolicyArn=one["Arn"])
    (attached,) = iam.list_attached_user_policies(UserName="admin")["AttachedPolicies"]
    assert attached["PolicyArn"] == "arn:aws:iam::aws:policy/AdministratorAccess"
    assert iam.list_user_policies(UserName="admin")["PolicyNames"] == []
    reader = fresh("reader")
    credentials = server.create_user(reader)
    iam.attach_user_policy(UserName=reader, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    server.kms(credentials).list_keys()
    with refused("AccessDeniedException"):
        server.kms(credentials).create_key()


def test_account(iam):
    alias = f"alias-{uuid.uuid4().hex[:20]}"
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    with refused("EntityAlreadyExists", f"The account alias {alias} already exists.", 409):
        iam.create_account_alias(AccountAlias=alias)
    with refused("ValidationError", None, 400):
        iam.create_account_alias(AccountAlias="double--hyphen")
    iam.delete_account_alias(AccountAlias=alias)
    with refused("NoSuchEntity", None, 404):
        iam.delete_account_alias(AccountAlias=alias)
    summary = iam.get_account_summary()["SummaryMap"]
    assert summary["Users"] >= 1 and summary["UsersQuota"] == 5000
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 3}))
    assert "admin" in [user["UserName"] for page in pages for user in page["UserDetailList"]]
    assert "AdministratorAccess" in [one["PolicyName"] for page in pages for one in page["Policies"]]


def test_inactive_access_keys(server, iam):
    name = fresh("user")
    credentials = server.create_user(name)
    sts = server.client("sts", credentials)
    sts.get_caller_identity()
    key = {"UserName": name, "AccessKeyId": credentials.access_key_id}
    iam.update_access_key(**key, Status="Inactive")
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        sts.get_caller_identity()
    with refused("UnrecognizedClientException", "The security token included in the request is invalid.", 400):
        server.kms(credentials).list_keys()
    assert iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]["Status"] == "Inactive"
    iam.update_access_key(**key, Status="Active")
    sts.get_caller_identity()


def test_all_of_it_outlives_a_restart(own_server):
    iam = own_server.client("iam")
    document = json.dumps(allow("kms:ListKeys"))
    arn = iam.create_policy(PolicyName="p", PolicyDocument=document)["Policy"]["Arn"]
    iam.create_group(GroupName="g")
    iam.attach_group_policy(GroupName="g", PolicyArn=arn)
    credentials = own_server.create_user("ann")
    iam.add_user_to_group(GroupName="g", UserName="ann")
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess")
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    iam.create_role(
        RoleName="r", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )
    iam.create_account_alias(AccountAlias="our-company")
    before = iam.get_account_authorization_details()
    own_server.restart()
    after = own_server.client("iam").get_account_authorization_details()
    del before["ResponseMetadata"], after["ResponseMetadata"]
    assert after == before
    own_server.kms(credentials).list_keys()
    assert own_server.client("iam").list_account_aliases()["AccountAliases"] == ["our-company"]
