"""Replays what Terraform's AWS provider calls for its IAM resources: create, read back without drift, update, destroy.

Source: the provider's resources aws_iam_user, aws_iam_role, aws_iam_policy, aws_iam_group, their attachments and inline
policies, aws_iam_access_key, aws_iam_account_alias.
"""

import json

import pytest

from claviger_server import ACCOUNT
from refusals import refused

USE = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"}]}
LIST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}],
}
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


@pytest.fixture
def iam(own_server):
    return own_server.client("iam")


def test_aws_iam_user(iam):
    iam.create_user(UserName="tf", Path="/tf/", PermissionsBoundary=READ_ONLY, Tags=[{"Key": "env", "Value": "test"}])
    user = iam.get_user(UserName="tf")["User"]
    assert (user["Path"], user["Tags"]) == ("/tf/", [{"Key": "env", "Value": "test"}])
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    iam.update_user(UserName="tf", NewUserName="tf2", NewPath="/")
    iam.delete_user_permissions_boundary(UserName="tf2")
    iam.untag_user(UserName="tf2", TagKeys=["env"])
    iam.tag_user(UserName="tf2", Tags=[{"Key": "env", "Value": "live"}])
    user = iam.get_user(UserName="tf2")["User"]
    assert user["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/tf2" and "PermissionsBoundary" not in user
    assert user["Tags"] == iam.list_user_tags(UserName="tf2")["Tags"] == [{"Key": "env", "Value": "live"}]
    for page in iam.get_paginator("list_groups_for_user").paginate(UserName="tf2"):
        assert page["Groups"] == []
    iam.delete_user(UserName="tf2")
    with refused("NoSuchEntity", None, 404):
        iam.get_user(UserName="tf2")


def test_aws_iam_user_policy_and_attachment(iam):
    iam.create_user(UserName="tf")
    iam.put_user_policy(UserName="tf", PolicyName="use", PolicyDocument=json.dumps(USE))
    assert iam.get_user_policy(UserName="tf", PolicyName="use")["PolicyDocument"] == USE
    iam.put_user_policy(UserName="tf", PolicyName="use", PolicyDocument=json.dumps(LIST))
    assert iam.get_user_policy(UserName="tf", PolicyName="use")["PolicyDocument"] == LIST
    iam.attach_user_policy(UserName="tf", PolicyArn=READ_ONLY)
    (attached,) = iam.list_attached_user_policies(UserName="tf")["AttachedPolicies"]
    assert attached["PolicyArn"] == READ_ONLY
    iam.detach_user_policy(UserName="tf", PolicyArn=READ_ONLY)
    with refused("NoSuchEntity", None, 404):
        iam.detach_user_policy(UserName="tf", PolicyArn=READ_ONLY)
    iam.delete_user_policy(UserName="tf", PolicyName="use")
    with refused("NoSuchEntity", None, 404):
        iam.get_user_policy(UserName="tf", PolicyName="use")
    iam.delete_user(UserName="tf")


def test_aws_iam_role(iam):
    iam.create_role(
        RoleName="tf",
        Path="/",
        AssumeRolePolicyDocument=json.dumps(TRUST),
        MaxSessionDuration=3600,
        Tags=[{"Key": "env", "Value": "test"}],
    )
    role = iam.get_role(RoleName="tf")["Role"]
    assert (role["AssumeRolePolicyDocument"], role["MaxSessionDuration"]) == (TRUST, 3600)
    assert "Description" not in role and "PermissionsBoundary" not in role
    assert iam.list_role_policies(RoleName="tf")["PolicyNames"] == []
    assert iam.list_attached_role_policies(RoleName="tf")["AttachedPolicies"] == []
    iam.update_assume_role_policy(RoleName="tf", PolicyDocument=json.dumps(TRUST, indent=2))
    iam.update_role_description(RoleName="tf", Description="described")
    iam.update_role(RoleName="tf", MaxSessionDuration=7200)
    iam.put_role_permissions_boundary(RoleName="tf", PermissionsBoundary=READ_ONLY)
    iam.put_role_policy(RoleName="tf", PolicyName="use", PolicyDocument=json.dumps(USE))
    iam.attach_role_policy(RoleName="tf", PolicyArn=READ_ONLY)
    role = iam.get_role(RoleName="tf")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("described", 7200)
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == READ_ONLY
    assert iam.get_role_policy(RoleName="tf", PolicyName="use")["PolicyDocument"] == USE
    iam.delete_role_permissions_boundary(RoleName="tf")
    assert iam.list_instance_profiles_for_role(RoleName="tf")["InstanceProfiles"] == []
    for attached in iam.list_attached_role_policies(RoleName="tf")["AttachedPolicies"]:
        iam.detach_role_policy(RoleName="tf", PolicyArn=attached["PolicyArn"])
    for name in iam.list_role_policies(RoleName="tf")["PolicyNames"]:
        iam.delete_role_policy(RoleName="tf", PolicyName=name)
    iam.delete_role(RoleName="tf")
    with refused("NoSuchEntity", None, 404):
        iam.get_role(RoleName="tf")


def test_aws_iam_policy(iam):
    made = iam.create_policy(
        PolicyName="tf", Path="/", PolicyDocument=json.dumps(USE), Description="d", Tags=[{"Key": "a", "Value": "b"}]
    )
    arn = made["Policy"]["Arn"]

    def read():
        policy = iam.get_policy(PolicyArn=arn)["Policy"]
        version = iam.get_policy_version(PolicyArn=arn, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
        return policy["Description"], policy.get("Tags", []), version["Document"]

    assert read() == ("d", [{"Key": "a", "Value": "b"}], USE)
    for number in range(2, 9):
        # The provider makes room by deleting the oldest version that does not count.
        versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
        if len(versions) >= 5:
            oldest = min((one for one in versions if not one["IsDefaultVersion"]), key=lambda one: one["CreateDate"])
            iam.delete_policy_version(PolicyArn=arn, VersionId=oldest["VersionId"])
        document = LIST if number % 2 else USE
        iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(document), SetAsDefault=True)
        assert read() == ("d", [{"Key": "a", "Value": "b"}], document)
    iam.untag_policy(PolicyArn=arn, TagKeys=["a"])
    assert read()[1] == iam.list_policy_tags(PolicyArn=arn)["Tags"] == []
    for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not version["IsDefaultVersion"]:
            iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
    iam.delete_policy(PolicyArn=arn)
    with refused("NoSuchEntity", None, 404):
        iam.get_policy(PolicyArn=arn)


def test_aws_iam_group_and_membership(iam):
    iam.create_group(GroupName="tf", Path="/")
    for name in ["a", "b"]:
        iam.create_user(UserName=name)
        iam.add_user_to_group(GroupName="tf", UserName=name)
    assert [user["UserName"] for user in iam.get_group(GroupName="tf")["Users"]] == ["a", "b"]
    iam.put_group_policy(GroupName="tf", PolicyName="use", PolicyDocument=json.dumps(USE))
    assert iam.get_group_policy(GroupName="tf", PolicyName="use")["PolicyDocument"] == USE
    iam.attach_group_policy(GroupName="tf", PolicyArn=READ_ONLY)
    iam.update_group(GroupName="tf", NewGroupName="tf2", NewPath="/tf/")
    assert iam.list_attached_group_policies(GroupName="tf2")["AttachedPolicies"][0]["PolicyArn"] == READ_ONLY
    iam.remove_user_from_group(GroupName="tf2", UserName="a")
    assert [user["UserName"] for user in iam.get_group(GroupName="tf2")["Users"]] == ["b"]
    iam.remove_user_from_group(GroupName="tf2", UserName="b")
    iam.detach_group_policy(GroupName="tf2", PolicyArn=READ_ONLY)
    iam.delete_group_policy(GroupName="tf2", PolicyName="use")
    iam.delete_group(GroupName="tf2")
    with refused("NoSuchEntity", None, 404):
        iam.get_group(GroupName="tf2")


def test_aws_iam_policy_attachment(iam):
    arn = iam.create_policy(PolicyName="tf", PolicyDocument=json.dumps(USE))["Policy"]["Arn"]
    iam.create_user(UserName="tf")
    iam.create_group(GroupName="tf")
    iam.create_role(RoleName="tf", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_user_policy(UserName="tf", PolicyArn=arn)
    iam.attach_group_policy(GroupName="tf", PolicyArn=arn)
    iam.attach_role_policy(RoleName="tf", PolicyArn=arn)
    pages = list(iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=arn, PaginationConfig={"PageSize": 1}))
    found = [
        one[member]
        for page in pages
        for kind, member in [("PolicyUsers", "UserName"), ("PolicyGroups", "GroupName"), ("PolicyRoles", "RoleName")]
        for one in page[kind]
    ]
    assert found == ["tf", "tf", "tf"] and len(pages) == 3
    iam.detach_user_policy(UserName="tf", PolicyArn=arn)
    iam.detach_group_policy(GroupName="tf", PolicyArn=arn)
    iam.detach_role_policy(RoleName="tf", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)


def test_aws_iam_access_key(iam):
    iam.create_user(UserName="tf")
    key = iam.create_access_key(UserName="tf")["AccessKey"]["AccessKeyId"]
    for status in ["Active", "Inactive", "Active"]:
        iam.update_access_key(UserName="tf", AccessKeyId=key, Status=status)
        (listed,) = iam.list_access_keys(UserName="tf")["AccessKeyMetadata"]
        assert (listed["AccessKeyId"], listed["Status"]) == (key, status)
    iam.delete_access_key(UserName="tf", AccessKeyId=key)
    assert iam.list_access_keys(UserName="tf")["AccessKeyMetadata"] == []
    iam.delete_user(UserName="tf")


def test_aws_iam_account_alias(iam):
    iam.create_account_alias(AccountAlias="terraform-made")
    assert iam.list_account_aliases()["AccountAliases"] == ["terraform-made"]
    iam.delete_account_alias(AccountAlias="terraform-made")
    assert iam.list_account_aliases()["AccountAliases"] == []
