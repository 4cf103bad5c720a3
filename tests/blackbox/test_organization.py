"""Accounts as an organization, by the service model: the tree, control policies, tags, closing, the way back."""

import json

import pytest

from claviger_server import ACCOUNT
from refusals import refused

SECOND = "222233334444"
SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"
INVALID_TOKEN = "The security token included in the request is invalid."
EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
BY_ANYBODY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}


@pytest.fixture
def claviger(own_server):
    return own_server.client("claviger")


@pytest.fixture
def second(own_server):
    return own_server.create_account(SECOND, "second")


@pytest.fixture
def organization(claviger):
    return claviger.describe_organization()["Organization"]


def make_unit(claviger, parent, name):
    return claviger.create_organizational_unit(ParentId=parent, Name=name)["OrganizationalUnit"]


def make_policy(claviger, kind, name):
    content = json.dumps(EVERYTHING if kind == SCP else BY_ANYBODY)
    return claviger.create_control_policy(Type=kind, Name=name, Content=content)["Policy"]


def attached(claviger, target, kind):
    reply = claviger.list_control_policies_for_target(TargetId=target, Type=kind)
    return {policy["Id"] for policy in reply["Policies"]}


def test_the_tree(own_server, claviger, second, organization):
    root, own_id = organization["RootId"], organization["Id"]
    assert organization["ManagementAccountId"] == ACCOUNT
    outer = make_unit(claviger, root, "payments")
    inner = make_unit(claviger, outer["Id"], "production")
    assert inner["Arn"] == f"arn:aws:organizations::{ACCOUNT}:ou/{own_id}/{inner['Id']}"
    with refused("AlreadyExistsException", None, 400):
        make_unit(claviger, root, "payments")
    claviger.move_account(AccountId=SECOND, DestinationParentId=inner["Id"])
    path = f"{own_id}/{root}/{outer['Id']}/{inner['Id']}/"
    for teller in (claviger, own_server.client("claviger", second)):
        account = teller.describe_account(AccountId=SECOND)["Account"]
        assert (account["ParentId"], account["OrganizationPath"]) == (inner["Id"], path)
    assert [account["Id"] for account in claviger.list_accounts(ParentId=inner["Id"])["Accounts"]] == [SECOND]
    with refused("ConflictException", f"The organizational unit {inner['Id']} is not empty.", 400):
        claviger.delete_organizational_unit(OrganizationalUnitId=inner["Id"])
    claviger.rename_organizational_unit(OrganizationalUnitId=inner["Id"], Name="prod")

    own_server.restart()
    listed = claviger.list_organizational_units(ParentId=outer["Id"])["OrganizationalUnits"]
    assert listed == [{**inner, "Name": "prod"}]
    assert claviger.describe_organization()["Organization"] == organization
    assert claviger.describe_account(AccountId=SECOND)["Account"]["OrganizationPath"] == path
    claviger.move_account(AccountId=SECOND, DestinationParentId=root)
    for unit in (inner, outer):
        claviger.delete_organizational_unit(OrganizationalUnitId=unit["Id"])
    assert claviger.list_organizational_units()["OrganizationalUnits"] == []


def test_control_policies(own_server, claviger, second, organization):
    root = organization["RootId"]
    full = {SCP: "p-FullAWSAccess", RCP: "p-RCPFullAWSAccess"}
    unit = make_unit(claviger, root, "unit")["Id"]
    for kind in (SCP, RCP):
        policy = make_policy(claviger, kind, "mine")["Id"]
        assert json.loads(claviger.describe_control_policy(PolicyId=policy)["Content"])["Version"] == "2012-10-17"
        for target in (root, unit, SECOND):
            assert attached(claviger, target, kind) == {full[kind]}
            claviger.attach_control_policy(PolicyId=policy, TargetId=target)
            assert attached(claviger, target, kind) == {full[kind], policy}
        targets = claviger.list_targets_for_control_policy(PolicyId=policy)["Targets"]
        assert {target["TargetId"] for target in targets} == {root, unit, SECOND}
        with refused("ConflictException", None, 400):
            claviger.delete_control_policy(PolicyId=policy)
        claviger.update_control_policy(PolicyId=policy, Description="changed")
        own_server.restart()
        assert claviger.describe_control_policy(PolicyId=policy)["Policy"]["Description"] == "changed"
        for target in (root, unit, SECOND):
            claviger.detach_control_policy(PolicyId=policy, TargetId=target)
        claviger.delete_control_policy(PolicyId=policy)
        with refused("NotFoundException", None, 400):
            claviger.describe_control_policy(PolicyId=policy)
        with refused("ConstraintViolationException", None, 400):
            claviger.detach_control_policy(PolicyId=full[kind], TargetId=unit)
    with refused("MalformedPolicyDocumentException", None, 400):
        claviger.create_control_policy(Type=SCP, Name="bad", Content="{")
    with refused("ConstraintViolationException", "The policy is longer than 5120 characters.", 400):
        claviger.create_control_policy(Type=SCP, Name="long", Content=json.dumps(EVERYTHING) + " " * 5120)
    with refused("AccessDeniedException", None, 400):
        own_server.client("claviger", second).detach_control_policy(PolicyId=full[SCP], TargetId=SECOND)


def test_control_policies_bind_accounts_and_keys(own_server, claviger, second, organization):
    root, own_id = organization["RootId"], organization["Id"]
    kms, theirs = own_server.kms(), own_server.kms(second)
    unit = make_unit(claviger, root, "unit")["Id"]
    claviger.move_account(AccountId=SECOND, DestinationParentId=unit)
    own, key = (client.create_key()["KeyMetadata"]["Arn"] for client in (kms, theirs))
    outside = {"StringNotEquals": {"aws:RequestedRegion": ["us-east-1"]}}
    statement = {"Effect": "Deny", "Action": "kms:*", "Resource": "*", "Condition": outside}
    region_lock = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    policy = claviger.create_control_policy(Type=SCP, Name="region lock", Content=region_lock)["Policy"]["Id"]
    claviger.attach_control_policy(PolicyId=policy, TargetId=unit)
    assert theirs.encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key
    denied = (
        f"User: arn:aws:iam::{SECOND}:user/admin is not authorized to perform: kms:CreateKey on resource: * "
        "with an explicit deny in a service control policy"
    )
    with refused("AccessDeniedException", denied, 400):
        own_server.kms(second, region="eu-west-1").create_key()
    own_server.kms(region="eu-west-1").create_key()

    # The perimeter of a resource control policy: nobody but principals of the organization, and of this unit.
    elsewhere = {"ForAllValues:StringNotLike": {"aws:PrincipalOrgPaths": f"{own_id}/{root}/{unit}/*"}}
    statement = {"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*", "Condition": elsewhere}
    perimeter = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    shared = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "kms:*",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalOrgID": own_id}},
    }
    for client, arn in ((kms, own), (theirs, key)):
        client.put_key_policy(KeyId=arn, PolicyName="default", Policy=json.dumps({"Statement": [shared]}))
    kms.encrypt(KeyId=key, Plaintext=b"x")
    policy = claviger.create_control_policy(Type=RCP, Name="perimeter", Content=perimeter)["Policy"]["Id"]
    claviger.attach_control_policy(PolicyId=policy, TargetId=root)
    assert theirs.encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key
    with refused("AccessDeniedException", None, 400):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    # The first account's keys are never bound.
    assert theirs.encrypt(KeyId=own, Plaintext=b"x")["KeyId"] == own
    assert kms.encrypt(KeyId=own, Plaintext=b"x")["KeyId"] == own


def test_tags(own_server, claviger, second):
    tags = [{"Key": "application", "Value": "pay"}, {"Key": "environment", "Value": "prod"}]
    claviger.tag_account(AccountId=SECOND, Tags=tags)
    claviger.tag_account(AccountId=SECOND, Tags=[{"Key": "owner", "Value": ""}])
    claviger.untag_account(AccountId=SECOND, TagKeys=["owner"])
    assert claviger.list_account_tags(AccountId=SECOND)["Tags"] == tags
    theirs = own_server.client("claviger", second)
    assert theirs.list_account_tags(AccountId=SECOND)["Tags"] == tags
    for call in (
        lambda: theirs.tag_account(AccountId=SECOND, Tags=tags),
        lambda: theirs.list_account_tags(AccountId=ACCOUNT),
        theirs.list_accounts,
    ):
        with refused("AccessDeniedException", None, 400):
            call()


def assert_out_of_reach(own_server, second, key, blob):
    """The closed account's users are nobody, and its key is not there."""
    for service, call, code, status in [
        ("kms", lambda client: client.list_keys(), "UnrecognizedClientException", 400),
        ("claviger", lambda client: client.describe_organization(), "UnrecognizedClientException", 400),
        ("sts", lambda client: client.get_caller_identity(), "InvalidClientTokenId", 403),
        ("iam", lambda client: client.list_users(), "InvalidClientTokenId", 403),
    ]:
        with refused(code, INVALID_TOKEN, status):
            call(own_server.client(service, second))
    kms = own_server.kms()
    for call in (
        lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: kms.decrypt(CiphertextBlob=blob),
        lambda: kms.describe_key(KeyId=key),
    ):
        with refused("AccessDeniedException", None, 400) as caught:
            call()
        assert "the resource does not exist in this Region" in caught.value.response["Error"]["Message"]


def test_a_closed_account_and_its_way_back(own_server, claviger, second):
    kms, theirs = own_server.kms(), own_server.kms(second)
    key = theirs.create_key()["KeyMetadata"]["Arn"]
    shared = {"Effect": "Allow", "Principal": {"AWS": [ACCOUNT, SECOND]}, "Action": "kms:*", "Resource": "*"}
    theirs.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps({"Statement": [shared]}))
    blob = kms.encrypt(KeyId=key, Plaintext=b"shared")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"shared"

    claviger.close_account(AccountId=SECOND)
    assert_out_of_reach(own_server, second, key, blob)
    own_server.restart()
    assert_out_of_reach(own_server, second, key, blob)
    assert claviger.describe_account(AccountId=SECOND)["Account"]["Status"] == "CLOSED"
    with refused("ConstraintViolationException", "The deployment's first account cannot be closed.", 400):
        claviger.close_account(AccountId=ACCOUNT)

    claviger.reopen_account(AccountId=SECOND)
    for opener in (kms, theirs):
        assert opener.decrypt(CiphertextBlob=blob)["Plaintext"] == b"shared"
    assert own_server.client("sts", second).get_caller_identity()["Account"] == SECOND


def test_a_locked_out_key_and_its_way_back(own_server, claviger, second):
    theirs, iam = own_server.kms(second), own_server.client("iam", second)
    iam.create_user(UserName="gone")
    only = {"AWS": f"arn:aws:iam::{SECOND}:user/gone"}
    policy = {"Statement": [{"Effect": "Allow", "Principal": only, "Action": "kms:*", "Resource": "*"}]}
    key = theirs.create_key(Policy=json.dumps(policy), BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Arn"]
    iam.delete_user(UserName="gone")
    with refused("AccessDeniedException", None, 400):
        theirs.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    with refused("AccessDeniedException", None, 400):
        own_server.client("claviger", second).reset_key_policy(KeyArn=key)
    with refused("NotFoundException", None, 400):
        own_server.client("claviger", region="eu-west-1").reset_key_policy(KeyArn=key)
    claviger.reset_key_policy(KeyArn=key)
    assert theirs.encrypt(KeyId=key, Plaintext=b"x")["KeyId"] == key
    with refused("AccessDeniedException", None, 400):
        own_server.kms().describe_key(KeyId=key)


def test_pages(claviger):
    for number in range(3):
        claviger.create_account(Name=f"account {number}")
    whole = claviger.list_accounts()["Accounts"]
    assert len(whole) == 4 and whole == sorted(whole, key=lambda account: account["Id"])
    pages, request = [], {"MaxResults": 2}
    while True:
        page = claviger.list_accounts(**request)
        pages += page["Accounts"]
        if "NextToken" not in page:
            break
        request["NextToken"] = page["NextToken"]
    assert pages == whole
    with refused("InvalidMarkerException", None, 400):
        claviger.list_accounts(NextToken="x")


def test_the_command_line(own_server):
    made = own_server.create_account(SECOND, "second")
    for arguments, words in [
        (["tag", "--id", SECOND, "environment=prod"], ["environment=prod"]),
        (["list"], [ACCOUNT, SECOND, "ACTIVE"]),
        (["close", "--id", SECOND], ["is closed"]),
        (["describe", "--id", SECOND], ["CLOSED", "environment=prod"]),
        (["reopen", "--id", SECOND], ["is open again"]),
    ]:
        done = own_server.run("account", *arguments)
        assert done.returncode == 0, done.stderr
        assert all(word in done.stdout for word in words), done.stdout
    listed = json.loads(own_server.run("account", "list", "--output", "json").stdout)
    assert [account["Id"] for account in listed["Accounts"]] == [ACCOUNT, SECOND]
    done = own_server.run("account", "close", "--id", ACCOUNT, credentials=made)
    assert done.returncode == 1 and "CloseAccount was refused: AccessDenied" in done.stderr
