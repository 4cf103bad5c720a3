"""Explanations and simulations: ExplainAccess, `claviger explain`, and IAM's policy simulator, by the real binary."""

import json

import pytest

from claviger_server import ACCOUNT, REGION
from refusals import refused

ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"
FROM_TEST = {
    "Sid": "OnlyForTests",
    "Effect": "Allow",
    "Action": "kms:Encrypt",
    "Resource": "*",
    "Condition": {"StringEquals": {"kms:EncryptionContext:purpose": "test"}},
}


@pytest.fixture(scope="module")
def people(server, iam, kms):
    """Ann may encrypt for tests, Bob nothing; `alias/app` is the key."""
    for name in ["ann", "bob"]:
        iam.create_user(UserName=name)
    policy = json.dumps({"Version": "2012-10-17", "Statement": FROM_TEST})
    iam.put_user_policy(UserName="ann", PolicyName="encrypt", PolicyDocument=policy)
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/app", TargetKeyId=key["KeyId"])
    return key


def explain(server, *arguments, **settings):
    return server.run("explain", "--action", "kms:Encrypt", "--key", "alias/app", *arguments, **settings)


def lines(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_allowed(server, people):
    shown = lines(explain(server, "--principal", ANN, "--context", "purpose=test"))
    assert shown == [
        f"ALLOW: {ANN} kms:Encrypt on {people['Arn']}",
        "",
        "Why: the resource's policy allows the principal or its account, and an identity policy allows it.",
        "  - statement Enable IAM User Permissions of the resource's policy, which allows",
        "  - statement OnlyForTests of the identity policy encrypt, which allows",
    ]


def test_denied_and_what_would_have_to_change(server, people):
    shown = lines(explain(server, "--principal", ANN, "--context", "purpose=work"))
    assert shown == [
        f"DENY: {ANN} kms:Encrypt on {people['Arn']}",
        "",
        "Why: no statement of the identity policy allows it.",
        "",
        "To be allowed, this would have to change:",
        "  - a statement of the identity policy must allow it; nearest comes:",
        "      statement OnlyForTests of the identity policy encrypt",
        "        kms:EncryptionContext:purpose wants StringEquals test; the request has work",
    ]
    nothing = lines(explain(server, "--principal", BOB))
    assert nothing[0].startswith("DENY: ") and nothing[-1] == "  - a statement of the identity policy must allow it"


def test_a_policy_does_not_steer_the_terminal(server, iam, people):
    """Whoever writes a policy is not the one who reads of it."""
    hostile = "\x1b[2J\nALLOW: everything\u202e"
    statement = {**FROM_TEST, "Condition": {"StringEquals": {"kms:EncryptionContext:purpose": hostile}}}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.create_user(UserName="mallory")
    iam.put_user_policy(UserName="mallory", PolicyName="hostile", PolicyDocument=policy)
    done = explain(server, "--principal", f"arn:aws:iam::{ACCOUNT}:user/mallory", "--context", "purpose=work")
    shown = "wants StringEquals \\u{1b}[2J\\nALLOW: everything\\u{202e}; the request has work"
    assert lines(done)[-1] == f"        kms:EncryptionContext:purpose {shown}"
    assert "\x1b" not in done.stdout


def test_what_is_not_known(server, people):
    shown = lines(explain(server, "--principal", ANN))
    assert shown[0].startswith("DEPENDS: ")
    assert "Not known of the request: kms:EncryptionContext:purpose" in shown
    assert "        kms:EncryptionContext:purpose wants StringEquals test; the request has what is not known" in shown
    assert lines(explain(server, "--principal", ANN, "--no-context"))[0].startswith("DENY: ")
    by_key = explain(server, "--principal", ANN, "--with", "kms:EncryptionContext:purpose=test")
    assert lines(by_key)[0].startswith("ALLOW: ")


def test_what_no_policy_decides(server, people):
    def shown(action, resource="*"):
        return lines(server.run("explain", "--principal", BOB, "--action", action, "--resource", resource))

    assert shown("sts:GetCallerIdentity") == [
        f"ALLOW: {BOB} sts:GetCallerIdentity on *",
        "",
        "Why: no permission is needed, and no policy is asked.",
    ]
    elsewhere = "arn:aws:iam::222233334444:user/ann"
    assert shown("claviger:RevokeSessions", elsewhere) == [
        f"DENY: {BOB} claviger:RevokeSessions on {elsewhere}",
        "",
        "Why: it works in the principal's own account only.",
        "",
        "To be allowed, this would have to change:",
        "  - a statement of the identity policy must allow it",
        "  - the principal must be one of the resource's account",
    ]


def test_json_is_the_reply(server, people):
    done = explain(server, "--principal", ANN, "--context", "purpose=test", "--output", "json")
    reply = json.loads(done.stdout)
    client = server.client("claviger")
    asked = client.explain_access(
        PrincipalArn=ANN, Action="kms:Encrypt", KeyId="alias/app", EncryptionContext={"purpose": "test"}
    )
    del asked["ResponseMetadata"]
    assert reply == asked
    assert reply["Decision"] == "Allow" and reply["Statements"][1]["Conditions"][0]["FoundValues"] == ["test"]


def test_errors_are_clear(server, people):
    stranger = server.create_user("stranger-to-explain")
    for arguments, settings, message in [
        (["--principal", ANN], {"credentials": stranger}, "AccessDeniedException: User: "),
        (["--principal", f"{ANN}-none"], {}, f"NotFoundException: The principal {ANN}-none does not exist."),
        (["--principal", "ann"], {}, "ValidationException: "),
    ]:
        done = explain(server, *arguments, **settings)
        assert done.returncode == 1 and not done.stdout
        assert "ExplainAccess was refused: " in done.stderr and message in done.stderr, done.stderr
    assert explain(server, "--context", "purpose").returncode == 2


def test_explained_as_it_is_decided(server, kms, people):
    """A grant lets Bob in, and the explanation says so."""
    bob = server.kms(server.create_user("bobby"))
    arn = f"arn:aws:iam::{ACCOUNT}:user/bobby"
    grant = kms.create_grant(KeyId=people["KeyId"], GranteePrincipal=arn, Operations=["Encrypt"])["GrantId"]
    assert bob.encrypt(KeyId=people["Arn"], Plaintext=b"x")
    shown = lines(explain(server, "--principal", arn))
    assert shown[0].startswith("ALLOW: ") and shown[3] == f"  - the grant {grant}"


def test_a_key_of_another_account(server, other_kms, people):
    key = other_kms.create_key()["KeyMetadata"]["Arn"]
    absent = key.rsplit("/", 1)[0] + "/00000000-0000-4000-8000-000000000000"
    replies = [
        server.client("claviger").explain_access(Action="kms:Encrypt", KeyId=arn, EncryptionContext={})
        for arn in [key, absent]
    ]
    for reply in replies:
        del reply["ResponseMetadata"], reply["Resource"]
    assert replies[0] == replies[1]
    assert (replies[0]["Decision"], replies[0]["Reason"]) == ("Depends", "ResourcePolicyOfAnotherAccount")


def test_simulate_principal_policy(iam, people):
    def simulated(**more):
        return iam.simulate_principal_policy(PolicySourceArn=ANN, ActionNames=["kms:Encrypt"], **more)["EvaluationResults"][0]

    name = "kms:EncryptionContext:purpose"
    result = simulated()
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", [name])
    entry = {"ContextKeyName": name, "ContextKeyType": "string", "ContextKeyValues": ["test"]}
    result = simulated(ContextEntries=[entry], ResourceArns=[people["Arn"]])
    assert result["EvalDecision"] == "allowed"
    assert result["MatchedStatements"][0]["SourcePolicyId"] == "encrypt"
    assert result["MatchedStatements"][0]["SourcePolicyType"] == "user"
    assert result["ResourceSpecificResults"][0]["EvalResourceDecision"] == "allowed"
    with refused("NoSuchEntity", None, 404):
        iam.simulate_principal_policy(PolicySourceArn=f"{ANN}-none", ActionNames=["kms:Encrypt"])


def test_simulate_custom_policy(iam, people):
    allow = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}})
    root = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "kms:*", "Resource": "*"}
    result = iam.simulate_custom_policy(
        PolicyInputList=[allow],
        ActionNames=["kms:Encrypt"],
        ResourceArns=[f"arn:aws:kms:{REGION}:{ACCOUNT}:key/00000000-0000-4000-8000-000000000000"],
        ResourcePolicy=json.dumps({"Version": "2012-10-17", "Statement": root}),
        CallerArn=BOB,
    )["EvaluationResults"][0]
    assert result["EvalDecision"] == "allowed"
    assert result["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource-based Policy": "allowed"}
    pages = iam.get_paginator("simulate_custom_policy").paginate(
        PolicyInputList=[allow], ActionNames=["kms:Encrypt", "iam:GetUser"], PaginationConfig={"PageSize": 1}
    )
    decisions = [result["EvalDecision"] for page in pages for result in page["EvaluationResults"]]
    assert decisions == ["allowed", "implicitDeny"]
