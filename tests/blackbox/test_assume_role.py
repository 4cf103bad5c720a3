"""Sessions of roles: who may assume them, what they may do, and how they end. Source: STS API reference, AssumeRole."""

import json
import subprocess
import sys
import uuid

import pytest

import one_time_codes
from claviger_server import ACCOUNT, Credentials
from refusals import refused

OTHER = "222233334444"
INVALID = "The security token included in the request is invalid."
USE_KEYS = ["kms:Encrypt", "kms:Decrypt"]


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions="*", resource="*", **more):
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def trust(principal, condition=None, actions="sts:AssumeRole"):
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions}
    return document({**statement, "Condition": condition} if condition else statement)


@pytest.fixture
def name():
    return f"x-{uuid.uuid4()}"


@pytest.fixture
def make_role(iam):
    """Makes a role of the first account and returns its ARN."""

    def make(name, trust_policy, *statements, **more):
        role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust_policy, **more)["Role"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
        return role["Arn"]

    return make


def assume(server, role, credentials=None, session="s1", **more):
    sts = server.client("sts", credentials)
    made = sts.assume_role(RoleArn=role, RoleSessionName=session, **more)["Credentials"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])


def not_authorized(caller, role):
    return f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {role}"


def test_a_session_encrypts_and_says_who_it_is(server, make_role, name, key):
    role = make_role(name, trust(ACCOUNT), allow(USE_KEYS))
    made = server.client("sts").assume_role(RoleArn=role, RoleSessionName="s1")
    session = assume(server, role)
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/s1"
    assert made["AssumedRoleUser"]["Arn"] == arn
    who = server.client("sts", session).get_caller_identity()
    assert (who["Arn"], who["Account"], who["UserId"]) == (arn, ACCOUNT, made["AssumedRoleUser"]["AssumedRoleId"])
    assert who["UserId"].startswith("AROA") and who["UserId"].endswith(":s1")
    kms = server.kms(session)
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"by a role")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"by a role"
    text = f"User: {arn} is not authorized to perform: kms:DisableKey on resource: {key['Arn']} because no identity-based "
    with refused("AccessDeniedException", text + "policy allows the kms:DisableKey action"):
        kms.disable_key(KeyId=key["KeyId"])


def test_the_aws_cli_assumes_a_role(server, make_role, name):
    role = make_role(name, trust(ACCOUNT))
    command = ["sts", "assume-role", "--role-arn", role, "--role-session-name", "cli", "--duration-seconds", "900"]
    done = subprocess.run(
        [sys.executable, "-m", "awscli", "--output", "json", *command],
        env=server.client_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["AssumedRoleUser"]["Arn"].endswith(f":assumed-role/{name}/cli")


def test_across_accounts_both_sides_must_allow(server, make_role, name, key, second_account):
    """A role of the first account, for the other account's users; its session uses the key of its own account."""
    role = make_role(name, trust(OTHER), allow(USE_KEYS))
    assuming = {"Version": "2012-10-17", "Statement": [allow("sts:AssumeRole", role)]}
    allowed = server.create_user(f"{name}-a", assuming, admin=second_account)
    idle = server.create_user(f"{name}-b", admin=second_account)
    session = assume(server, role, allowed)
    assert server.client("sts", session).get_caller_identity()["Account"] == ACCOUNT
    assert server.kms(session).encrypt(KeyId=key["KeyId"], Plaintext=b"x")["KeyId"] == key["Arn"]
    caller = f"arn:aws:iam::{OTHER}:user/{name}-b"
    with refused("AccessDenied", not_authorized(caller, role), 403):
        assume(server, role, idle)
    # A role that is not there reads the same.
    with refused("AccessDenied", not_authorized(caller, f"{role}-none"), 403):
        assume(server, f"{role}-none", idle)


def test_the_confused_deputy(server, make_role, name, second_account):
    """The deputy may assume its customers' roles; without the id of this customer it gets nothing."""
    role = make_role(name, trust(OTHER, {"StringEquals": {"sts:ExternalId": "customer-1"}}))
    assume(server, role, second_account, ExternalId="customer-1")
    for more in [{}, {"ExternalId": "customer-2"}, {"ExternalId": "CUSTOMER-1"}, {"ExternalId": "customer-1*"}]:
        with refused(("AccessDenied", "ValidationError")):
            assume(server, role, second_account, **more)


def test_roles_in_a_chain(server, make_role, name, key):
    first = make_role(f"{name}-1", trust(ACCOUNT))
    last = make_role(f"{name}-2", trust(first), allow(USE_KEYS), MaxSessionDuration=43_200)
    through = assume(server, first)
    session = assume(server, last, through)
    server.kms(session).encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
    with refused("ValidationError", text, 400):
        assume(server, last, through, DurationSeconds=3601)
    text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    with refused("ValidationError", text, 400):
        assume(server, first, DurationSeconds=3601)
    with refused("AccessDenied", not_authorized(f"arn:aws:iam::{ACCOUNT}:user/admin", last)):
        assume(server, last)


def test_a_session_policy_limits(server, make_role, name, key, iam):
    role = make_role(name, trust(ACCOUNT), allow("kms:*"))
    kms = server.kms(assume(server, role, Policy=document(allow("kms:DescribeKey"))))
    kms.describe_key(KeyId=key["KeyId"])
    ends = "because no session policy allows the kms:Encrypt action"
    with refused("AccessDeniedException") as caught:
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    assert caught.value.response["Error"]["Message"].endswith(ends)
    managed = iam.create_policy(PolicyName=name, PolicyDocument=document(allow("kms:Encrypt")))["Policy"]["Arn"]
    kms = server.kms(assume(server, role, PolicyArns=[{"arn": managed}]))
    kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    with refused("AccessDeniedException"):
        kms.describe_key(KeyId=key["KeyId"])


def test_session_tags_open_keys_of_the_same_tag(server, make_role, name, kms):
    """Attribute-based access control: one role, and each session reaches the keys of its own team."""
    condition = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    role = make_role(
        name, trust(ACCOUNT, actions=["sts:AssumeRole", "sts:TagSession"]), allow("kms:Encrypt", Condition=condition)
    )
    keys = {
        team: kms.create_key(Tags=[{"TagKey": "team", "TagValue": team}])["KeyMetadata"]["KeyId"]
        for team in ("red", "blue")
    }
    red = server.kms(assume(server, role, Tags=[{"Key": "team", "Value": "red"}]))
    red.encrypt(KeyId=keys["red"], Plaintext=b"x")
    for session, team in [(red, "blue"), (server.kms(assume(server, role)), "red")]:
        with refused("AccessDeniedException"):
            session.encrypt(KeyId=keys[team], Plaintext=b"x")
    for value in ["*", "${aws:ResourceTag/team}", "r?d"]:
        with refused("ValidationError"):
            assume(server, role, Tags=[{"Key": "team", "Value": value}])


def test_a_boundary_limits(server, make_role, name, key, iam):
    role = make_role(name, trust(ACCOUNT), allow("kms:*"))
    boundary = iam.create_policy(PolicyName=name, PolicyDocument=document(allow("kms:DescribeKey")))["Policy"]["Arn"]
    session = server.kms(assume(server, role))
    session.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
    session.describe_key(KeyId=key["KeyId"])
    with refused("AccessDeniedException") as caught:
        session.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    assert caught.value.response["Error"]["Message"].endswith("because no permissions boundary allows the kms:Encrypt action")


def test_a_source_identity_stays(server, make_role, name):
    actions = ["sts:AssumeRole", "sts:SetSourceIdentity"]
    first = make_role(f"{name}-1", trust(ACCOUNT, actions=actions))
    last = make_role(f"{name}-2", trust(first, {"StringEquals": {"aws:SourceIdentity": "ann"}}, actions))
    assert assume(server, last, assume(server, first, SourceIdentity="ann")).token
    for more in [{}, {"SourceIdentity": "bob"}]:
        with refused("AccessDenied"):
            assume(server, last, assume(server, first, **more))
    with refused("AccessDenied", "The source identity of a session cannot be changed."):
        anyone = make_role(f"{name}-3", trust(first, actions=actions))
        assume(server, anyone, assume(server, first, SourceIdentity="ann"), SourceIdentity="bob")


def test_with_an_mfa_code(server, make_role, name, iam):
    user = server.create_user(name)
    serial, seed = one_time_codes.enable(iam, name, name)
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    role = make_role(name, trust(arn, {"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
    with refused("AccessDenied", not_authorized(arn, role)):
        assume(server, role, user)
    code = one_time_codes.code(seed, 1)
    assume(server, role, user, SerialNumber=serial, TokenCode=code)
    with refused("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. "):
        assume(server, role, user, SerialNumber=serial, TokenCode=code)


def test_revoked_sessions_are_dead_after_a_restart_too(own_server):
    server = own_server
    iam = server.client("iam")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=trust(ACCOUNT))["Role"]["Arn"]
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=document(allow("kms:*")))
    old = assume(server, role)
    server.restart()
    server.kms(old).list_keys()
    server.client("claviger").revoke_sessions(PrincipalArn=role)
    for _ in range(2):
        with refused("UnrecognizedClientException", INVALID):
            server.kms(old).list_keys()
        server.restart()


def test_a_deleted_role_and_its_successor(server, make_role, name, kms, key, iam):
    """The successor of the same name is nobody to what named the role, and old sessions stay dead."""
    role = make_role(name, trust(ACCOUNT))
    admin = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/admin"}, "Action": "kms:*", "Resource": "*"}
    named = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": "kms:Encrypt", "Resource": "*"}
    kms.put_key_policy(KeyId=key["KeyId"], Policy=document(admin, named))
    grant = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=role, Operations=["GenerateDataKey"])["GrantId"]
    old = assume(server, role)

    def may(session):
        """Whether the key's policy and its grant serve this session."""
        client, answers = server.kms(session), []
        for call in (
            lambda: client.encrypt(KeyId=key["KeyId"], Plaintext=b"x"),
            lambda: client.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256"),
        ):
            try:
                call()
                answers.append(True)
            except client.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "AccessDeniedException", error
                answers.append(False)
        return answers

    assert may(old) == [True, True]
    role_id = iam.get_role(RoleName=name)["Role"]["RoleId"]
    iam.delete_role(RoleName=name)
    with refused("UnrecognizedClientException", INVALID):
        server.kms(old).list_keys()
    shown = json.loads(kms.get_key_policy(KeyId=key["KeyId"])["Policy"])
    assert shown["Statement"][1]["Principal"] == {"AWS": role_id}
    grants = {each["GrantId"]: each["GranteePrincipal"] for each in kms.list_grants(KeyId=key["KeyId"])["Grants"]}
    assert grants == {grant: role_id}
    assert make_role(name, trust(ACCOUNT)) == role
    assert may(assume(server, role)) == [False, False]
    with refused("UnrecognizedClientException", INVALID):
        server.kms(old).list_keys()


def test_a_token_serves_its_own_access_key_only(server, make_role, name):
    roles = [make_role(f"{name}-{number}", trust(ACCOUNT), allow("kms:*")) for number in range(2)]
    mine, other = (assume(server, role) for role in roles)
    admin = server.admin
    for credentials in [
        Credentials(mine.access_key_id, mine.secret, other.token),
        Credentials(admin.access_key_id, admin.secret, mine.token),
        Credentials(mine.access_key_id, mine.secret),
        Credentials(mine.access_key_id, mine.secret, mine.token[:-1]),
    ]:
        with refused("UnrecognizedClientException", INVALID):
            server.kms(credentials).list_keys()
    with refused("InvalidSignatureException"):
        server.kms(Credentials(mine.access_key_id, other.secret, mine.token)).list_keys()


def test_arns_are_taken_to_the_letter(server, make_role, name):
    role = make_role(name, trust(ACCOUNT), Path="/team/")
    assume(server, role)
    for other in [role.replace("/team/", "/"), role.replace("/team/", "/Team/"), role.replace(name, name.upper())]:
        with refused("AccessDenied", not_authorized(f"arn:aws:iam::{ACCOUNT}:user/admin", other)):
            assume(server, other)
    for other in [role.replace("arn:", "ARN:"), role.replace(name, "*"), role + "/"]:
        with refused("ValidationError", f"{other} is invalid"):
            assume(server, other)


def test_what_a_session_of_a_role_may_not_call(server, make_role, name):
    session = assume(server, make_role(name, trust(ACCOUNT), allow()))
    with refused("AccessDenied", "Cannot call GetSessionToken with session credentials", 403):
        server.client("sts", session).get_session_token()
    with refused("ValidationError"):
        server.client("iam", session).get_user()


def test_nothing_is_refused_silently(server, make_role, name):
    role = make_role(name, trust(ACCOUNT))
    for more in [
        {"ProvidedContexts": [{"ProviderArn": "arn:aws:iam::aws:contextProvider/x", "ContextAssertion": "x" * 8}]},
    ]:
        with refused("UnsupportedOperation"):
            assume(server, role, **more)
