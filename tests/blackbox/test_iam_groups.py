"""IAM groups: members, policies, what they let their users do. Source: IAM API reference."""

import json
import uuid

import pytest

from claviger_server import ACCOUNT
from refusals import refused

ALLOW_LIST_KEYS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"}],
}


def fresh(kind):
    return f"{kind}-{uuid.uuid4()}"


@pytest.fixture
def group(iam):
    return iam.create_group(GroupName=fresh("group"), Path="/team/")["Group"]["GroupName"]


@pytest.fixture
def member(server, iam, group):
    """A user in the group who may do nothing by itself: name and access key."""
    name = fresh("member")
    credentials = server.create_user(name)
    iam.add_user_to_group(GroupName=group, UserName=name)
    return name, credentials


def test_create_get_and_list(iam, group):
    shown = iam.get_group(GroupName=group.upper())
    assert shown["Group"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/team/{group}"
    assert shown["Group"]["GroupId"].startswith("AGPA") and shown["Users"] == []
    pages = iam.get_paginator("list_groups").paginate(PathPrefix="/team/", PaginationConfig={"PageSize": 1})
    assert group in [one["GroupName"] for page in pages for one in page["Groups"]]
    with refused("EntityAlreadyExists", f"Group with name {group} already exists.", 409):
        iam.create_group(GroupName=group)
    with refused("NoSuchEntity", "The group with name nobody cannot be found.", 404):
        iam.get_group(GroupName="nobody")


def test_what_a_group_may_its_users_may(server, iam, group, member):
    name, credentials = member
    kms = server.kms(credentials)
    with refused("AccessDeniedException"):
        kms.list_keys()
    iam.put_group_policy(GroupName=group, PolicyName="list", PolicyDocument=json.dumps(ALLOW_LIST_KEYS))
    kms.list_keys()
    assert iam.list_group_policies(GroupName=group)["PolicyNames"] == ["list"]
    assert iam.get_group_policy(GroupName=group, PolicyName="list")["PolicyDocument"] == ALLOW_LIST_KEYS
    iam.delete_group_policy(GroupName=group, PolicyName="list")
    with refused("AccessDeniedException"):
        kms.list_keys()
    arn = "arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser"
    iam.attach_group_policy(GroupName=group, PolicyArn=arn)
    kms.list_keys()
    (attached,) = iam.list_attached_group_policies(GroupName=group)["AttachedPolicies"]
    assert attached == {"PolicyName": "AWSKeyManagementServicePowerUser", "PolicyArn": arn}
    iam.remove_user_from_group(GroupName=group, UserName=name)
    with refused("AccessDeniedException"):
        kms.list_keys()


def test_members(iam, group, member):
    name, _ = member
    others = []
    for _ in range(3):
        others.append(iam.create_user(UserName=fresh("other"))["User"]["UserName"])
        iam.add_user_to_group(GroupName=group, UserName=others[-1])
    pages = list(iam.get_paginator("get_group").paginate(GroupName=group, PaginationConfig={"PageSize": 2}))
    assert [len(page["Users"]) for page in pages] == [2, 2]
    assert {user["UserName"] for page in pages for user in page["Users"]} == {name, *others}
    (own,) = iam.list_groups_for_user(UserName=name)["Groups"]
    assert own["GroupName"] == group


def test_rename(iam, group, member):
    name, _ = member
    renamed = fresh("renamed")
    iam.update_group(GroupName=group, NewGroupName=renamed, NewPath="/")
    shown = iam.get_group(GroupName=renamed)
    assert shown["Group"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:group/{renamed}"
    assert [user["UserName"] for user in shown["Users"]] == [name]
    with refused("NoSuchEntity"):
        iam.get_group(GroupName=group)


def test_delete(iam, group, member):
    name, _ = member
    with refused("DeleteConflict", "Cannot delete entity, must remove users from group first.", 409):
        iam.delete_group(GroupName=group)
    with refused("DeleteConflict", None, 409):
        iam.delete_user(UserName=name)
    iam.remove_user_from_group(GroupName=group, UserName=name)
    iam.attach_group_policy(GroupName=group, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    with refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409):
        iam.delete_group(GroupName=group)
    iam.detach_group_policy(GroupName=group, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.delete_group(GroupName=group)
    with refused("NoSuchEntity", None, 404):
        iam.delete_group(GroupName=group)
