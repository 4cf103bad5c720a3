"""IAM roles: trust policies, policies, boundaries, tags; the AWS CLI's commands. Source: IAM API reference."""

import json
import subprocess
import sys
import uuid

import pytest

from claviger_server import ACCOUNT
from refusals import refused


def trust(principal):
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def fresh(kind):
    return f"{kind}-{uuid.uuid4()}"


@pytest.fixture
def role(iam):
    made = iam.create_role(RoleName=fresh("role"), AssumeRolePolicyDocument=json.dumps(trust(ACCOUNT)))
    return made["Role"]["RoleName"]


def test_create_and_get(iam):
    name = fresh("role")
    made = iam.create_role(
        RoleName=name,
        Path="/ci/",
        AssumeRolePolicyDocument=json.dumps(trust(ACCOUNT), indent=1),
        Description="builds",
        MaxSessionDuration=7200,
        PermissionsBoundary="arn:aws:iam::aws:policy/ReadOnlyAccess",
        Tags=[{"Key": "team", "Value": "blue"}],
    )["Role"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:role/ci/{name}" and made["RoleId"].startswith("AROA")
    assert made["AssumeRolePolicyDocument"] == trust(ACCOUNT)
    shown = iam.get_role(RoleName=name)["Role"]
    assert shown.pop("RoleLastUsed") == {}
    assert shown == made
    with refused("EntityAlreadyExists", f"Role with name {name} already exists.", 409):
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust(ACCOUNT)))
    pages = iam.get_paginator("list_roles").paginate(PathPrefix="/ci/", PaginationConfig={"PageSize": 1})
    (listed,) = [one for page in pages for one in page["Roles"] if one["RoleName"] == name]
    assert "Tags" not in listed and "PermissionsBoundary" not in listed


@pytest.mark.parametrize(
    "document",
    ["{", "{}", json.dumps(trust(f"arn:aws:iam::{ACCOUNT}:user/nobody")), json.dumps(trust("*")).replace("Action", "Resource")],
)
def test_malformed_trust_policies(iam, role, document):
    for call in [
        lambda: iam.create_role(RoleName=fresh("role"), AssumeRolePolicyDocument=document),
        lambda: iam.update_assume_role_policy(RoleName=role, PolicyDocument=document),
    ]:
        with refused("MalformedPolicyDocument", None, 400):
            call()


def test_updates(iam, role):
    iam.update_role(RoleName=role, Description="one", MaxSessionDuration=43200)
    assert iam.get_role(RoleName=role)["Role"]["MaxSessionDuration"] == 43200
    assert iam.update_role_description(RoleName=role, Description="two")["Role"]["Description"] == "two"
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=json.dumps(trust("222233334444")))
    assert iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"] == trust("222233334444")
    with refused("ValidationError", None, 400):
        iam.update_role(RoleName=role, MaxSessionDuration=43201)
    iam.tag_role(RoleName=role, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_role(RoleName=role, TagKeys=["a"])
    assert iam.list_role_tags(RoleName=role)["Tags"] == [{"Key": "b", "Value": "2"}]


def test_policies_and_delete(iam, role):
    arn = "arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser"
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    iam.put_role_policy(RoleName=role, PolicyName="all", PolicyDocument=json.dumps(document))
    assert iam.list_role_policies(RoleName=role)["PolicyNames"] == ["all"]
    assert iam.get_role_policy(RoleName=role, PolicyName="all")["PolicyDocument"] == document
    with refused("DeleteConflict", "Cannot delete entity, must delete policies first.", 409):
        iam.delete_role(RoleName=role)
    iam.delete_role_policy(RoleName=role, PolicyName="all")
    with refused("DeleteConflict", "Cannot delete entity, must detach all policies first.", 409):
        iam.delete_role(RoleName=role)
    assert role in [one["RoleName"] for one in iam.list_entities_for_policy(PolicyArn=arn)["PolicyRoles"]]
    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    iam.put_role_permissions_boundary(RoleName=role, PermissionsBoundary=arn)
    assert iam.list_instance_profiles_for_role(RoleName=role)["InstanceProfiles"] == []
    iam.delete_role(RoleName=role)
    with refused("NoSuchEntity", f"The role with name {role} cannot be found.", 404):
        iam.get_role(RoleName=role)


def test_the_aws_cli(server, tmp_path):
    def aws(*arguments, fails=False):
        done = subprocess.run(
            [sys.executable, "-m", "awscli", "--output", "json", "iam", *arguments],
            capture_output=True,
            text=True,
            env=server.client_environment(),
            timeout=120,
            check=False,
        )
        assert (done.returncode != 0) == fails, f"aws iam {arguments}\n{done.stdout}\n{done.stderr}"
        return done.stderr if fails else json.loads(done.stdout or "{}")

    name = ("--role-name", "cli-role")
    (tmp_path / "trust.json").write_text(json.dumps(trust(ACCOUNT)))
    (tmp_path / "policy.json").write_text(
        json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}})
    )
    document = f"file://{tmp_path}/policy.json"
    aws("create-role", *name, "--assume-role-policy-document", f"file://{tmp_path}/trust.json", "--tags", "Key=a,Value=b")
    arn = aws("create-policy", "--policy-name", "cli-policy", "--policy-document", document)["Policy"]["Arn"]
    aws("attach-role-policy", *name, "--policy-arn", arn)
    assert aws("list-attached-role-policies", *name)["AttachedPolicies"] == [
        {"PolicyName": "cli-policy", "PolicyArn": arn}
    ]
    aws("create-policy-version", "--policy-arn", arn, "--policy-document", document, "--set-as-default")
    assert aws("get-policy", "--policy-arn", arn)["Policy"]["DefaultVersionId"] == "v2"
    assert "DeleteConflict" in aws("delete-policy", "--policy-arn", arn, fails=True)
    assert aws("get-account-summary")["SummaryMap"]["RolesQuota"] == 1000
    aws("create-group", "--group-name", "cli-group")
    aws("add-user-to-group", "--group-name", "cli-group", "--user-name", "admin")
    assert aws("list-groups-for-user", "--user-name", "admin")["Groups"][0]["GroupName"] == "cli-group"
    aws("remove-user-from-group", "--group-name", "cli-group", "--user-name", "admin")
    aws("delete-group", "--group-name", "cli-group")
    aws("detach-role-policy", *name, "--policy-arn", arn)
    aws("delete-policy-version", "--policy-arn", arn, "--version-id", "v1")
    aws("delete-policy", "--policy-arn", arn)
    aws("delete-role", *name)
    assert "NoSuchEntity" in aws("get-role", *name, fails=True)
