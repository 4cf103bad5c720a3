"""Grants by boto3 and by the AWS CLI: what they permit to whom, their constraints, tokens, pages, and their end."""

import json
import subprocess
import sys

import pytest

from audit_log import count, decoded
from claviger_server import ACCOUNT, Credentials, wait_until
from refusals import refused

ROOT_ARN = f"arn:aws:iam::{ACCOUNT}:root"


def arn_of(server, credentials):
    return server.client("sts", credentials).get_caller_identity()["Arn"]


@pytest.fixture(scope="module")
def grantee(server):
    """A user of the first account without any policy: its ARN and its client."""
    credentials = server.create_user("grantee")
    return arn_of(server, credentials), server.kms(credentials)


@pytest.fixture(scope="module")
def other_user(server):
    credentials = server.create_user("other-user")
    return arn_of(server, credentials), server.kms(credentials)


@pytest.fixture(scope="module")
def external(server, second_account):
    """A user of the second account without any policy."""
    credentials = server.create_user("external", admin=second_account)
    return arn_of(server, credentials), server.kms(credentials)


def listed(kms, **parameters):
    """All grants, page by page."""
    grants = []
    for page in kms.get_paginator("list_grants").paginate(**parameters):
        assert page["Truncated"] == ("NextMarker" in page)
        grants += page["Grants"]
    return grants


def test_what_a_grant_permits(kms, key, grantee, other_user):
    arn, client = grantee
    made = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=arn, Operations=["Encrypt", "DescribeKey"])
    assert len(made["GrantId"]) == 64 and made["GrantToken"]
    blob = client.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    assert client.describe_key(KeyId=key["Arn"])["KeyMetadata"]["Enabled"]
    with refused("AccessDeniedException"):
        client.decrypt(CiphertextBlob=blob)
    with refused("AccessDeniedException"):
        other_user[1].encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    second = kms.create_grant(KeyId=key["Arn"], GranteePrincipal=arn, Operations=["Decrypt"])
    assert client.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    kms.revoke_grant(KeyId=key["KeyId"], GrantId=second["GrantId"])
    with refused("AccessDeniedException"):
        client.decrypt(CiphertextBlob=blob)
    (entry,) = listed(kms, KeyId=key["KeyId"])
    del entry["CreationDate"]
    assert entry == {
        "KeyId": key["Arn"],
        "GrantId": made["GrantId"],
        "Name": "",
        "GranteePrincipal": arn,
        "IssuingAccount": ROOT_ARN,
        "Operations": ["Encrypt", "DescribeKey"],
    }


CONSTRAINTS = [
    ("EncryptionContextEquals", {"a": "1", "b": "2"}, {"b": "2", "a": "1"}, True),
    ("EncryptionContextEquals", {"a": "1"}, {"a": "1", "b": "2"}, False),
    ("EncryptionContextEquals", {"a": "1"}, {"A": "1"}, False),
    ("EncryptionContextEquals", {"a": "1"}, {}, False),
    ("EncryptionContextSubset", {"a": "1"}, {"a": "1", "b": "2"}, True),
    ("EncryptionContextSubset", {"a": "1", "b": "2"}, {"a": "1"}, False),
    ("EncryptionContextSubset", {"a": "1"}, {"a": "2"}, False),
    ("EncryptionContextSubset", {"a": "1"}, {}, False),
]


@pytest.mark.parametrize(("kind", "wanted", "sent", "admitted"), CONSTRAINTS)
def test_constraints(kms, key, grantee, kind, wanted, sent, admitted):
    arn, client = grantee
    operations = ["Encrypt", "Decrypt", "GenerateDataKey", "DescribeKey"]
    kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=arn, Operations=operations, Constraints={kind: wanted})
    (entry,) = listed(kms, KeyId=key["KeyId"])
    assert entry["Constraints"] == {kind: wanted}
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext=sent)["CiphertextBlob"]
    for call in [
        lambda: client.encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext=sent),
        lambda: client.decrypt(CiphertextBlob=blob, EncryptionContext=sent),
        lambda: client.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256", EncryptionContext=sent),
    ]:
        if admitted:
            call()
        else:
            with refused("AccessDeniedException"):
                call()
    client.describe_key(KeyId=key["KeyId"])


def test_a_grant_passes_on_no_more_than_it_has(kms, key, grantee, other_user):
    arn, client = grantee
    kms.create_grant(
        KeyId=key["KeyId"],
        GranteePrincipal=arn,
        Operations=["Encrypt", "CreateGrant"],
        Constraints={"EncryptionContextSubset": {"team": "blue"}},
    )
    blue = {"EncryptionContextSubset": {"team": "blue", "app": "a"}}
    terms = {"KeyId": key["KeyId"], "GranteePrincipal": other_user[0]}
    client.create_grant(**terms, Operations=["Encrypt"], Constraints=blue)
    for operations, constraints in [
        (["Encrypt"], {}),
        (["Encrypt"], {"EncryptionContextSubset": {"app": "a"}}),
        (["Encrypt", "Decrypt"], blue),
    ]:
        with refused("AccessDeniedException"):
            client.create_grant(**terms, Operations=operations, Constraints=constraints)
    with refused("ValidationException", "Grants must not contain only the CreateGrant operation."):
        client.create_grant(**terms, Operations=["CreateGrant"], Constraints=blue)
    context = {"team": "blue", "app": "a"}
    other_user[1].encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext=context)
    with refused("AccessDeniedException"):
        other_user[1].encrypt(KeyId=key["KeyId"], Plaintext=b"x", EncryptionContext={"team": "blue"})


def test_names_make_creation_idempotent(kms, key, grantee):
    terms = {"KeyId": key["KeyId"], "GranteePrincipal": grantee[0], "Operations": ["Encrypt"]}
    first, again = kms.create_grant(**terms, Name="n"), kms.create_grant(**terms, Name="n")
    assert first["GrantId"] == again["GrantId"] and first["GrantToken"] != again["GrantToken"]
    others = [kms.create_grant(**terms), kms.create_grant(**terms), kms.create_grant(**terms, Name="m")]
    others.append(kms.create_grant(**{**terms, "Operations": ["Decrypt"]}, Name="n"))
    assert len({grant["GrantId"] for grant in [first, *others]}) == 5
    assert sorted(grant["Name"] for grant in listed(kms, KeyId=key["KeyId"])) == ["", "", "m", "n", "n"]


def test_tokens(kms, key, grantee, other_user):
    arn, client = grantee
    made = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=arn, Operations=["Encrypt", "RetireGrant"])
    tokens = [made["GrantToken"]]
    client.encrypt(KeyId=key["KeyId"], Plaintext=b"x", GrantTokens=tokens)
    with refused("AccessDeniedException"):
        other_user[1].encrypt(KeyId=key["KeyId"], Plaintext=b"x", GrantTokens=tokens)
    for bad in ["token", made["GrantToken"][:-4], made["GrantToken"].swapcase(), made["GrantId"]]:
        with refused("InvalidGrantTokenException"):
            kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", GrantTokens=[made["GrantToken"], bad])
    with refused("ValidationException"):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x", GrantTokens=tokens * 11)
    with refused("AccessDeniedException"):
        other_user[1].retire_grant(GrantToken=made["GrantToken"])
    client.retire_grant(GrantToken=made["GrantToken"])
    with refused("NotFoundException"):
        client.retire_grant(GrantToken=made["GrantToken"])
    assert listed(kms, KeyId=key["KeyId"]) == []


@pytest.mark.parametrize("limit", [None, 1, 7, 60, 1000])
def test_pages(server, limit):
    kms = server.kms(region="eu-south-1")
    if not kms.list_keys()["Keys"]:
        key_id = kms.create_key()["KeyMetadata"]["KeyId"]
        for number in range(60):
            principal = ROOT_ARN if number % 3 else f"arn:aws:iam::{ACCOUNT}:user/admin"
            kms.create_grant(
                KeyId=key_id, GranteePrincipal=principal, RetiringPrincipal=principal, Operations=["Encrypt"]
            )
    key_id = kms.list_keys()["Keys"][0]["KeyId"]
    size = {"PaginationConfig": {"PageSize": limit}} if limit else {}
    everything = listed(kms, KeyId=key_id, **size)
    ids = [grant["GrantId"] for grant in everything]
    assert len(ids) == 60 and ids == sorted(set(ids))
    first = kms.list_grants(KeyId=key_id, **({"Limit": limit} if limit else {}))["Grants"]
    assert len(first) == min(limit or 50, 60)
    of_root = [grant["GrantId"] for grant in everything if grant["GranteePrincipal"] == ROOT_ARN]
    assert [grant["GrantId"] for grant in listed(kms, KeyId=key_id, GranteePrincipal=ACCOUNT, **size)] == of_root
    pages = kms.get_paginator("list_retirable_grants").paginate(RetiringPrincipal=ROOT_ARN, **size)
    assert [grant["GrantId"] for page in pages for grant in page["Grants"]] == of_root
    assert [grant["GrantId"] for grant in listed(kms, KeyId=key_id, GrantId=ids[3], **size)] == [ids[3]]


def test_across_accounts(server, kms, key, external, second_account):
    arn, client = external
    with refused("AccessDeniedException"):
        client.describe_key(KeyId=key["Arn"])
    made = kms.create_grant(
        KeyId=key["KeyId"], GranteePrincipal=arn, RetiringPrincipal=arn, Operations=["Encrypt", "Decrypt"]
    )
    blob = client.encrypt(KeyId=key["Arn"], Plaintext=b"x")["CiphertextBlob"]
    assert client.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    (entry,) = server.kms(second_account).list_retirable_grants(RetiringPrincipal=arn)["Grants"]
    assert (entry["KeyId"], entry["GrantId"]) == (key["Arn"], made["GrantId"])
    for operation in ["create_grant", "list_grants", "get_key_rotation_status"]:
        more = {"GranteePrincipal": arn, "Operations": ["Encrypt"]} if operation == "create_grant" else {}
        with refused("AccessDeniedException"):
            getattr(client, operation)(KeyId=key["Arn"], **more)
    client.retire_grant(KeyId=key["Arn"], GrantId=made["GrantId"])
    with refused("AccessDeniedException"):
        client.encrypt(KeyId=key["Arn"], Plaintext=b"x")


def test_a_grantee_that_is_gone(server, kms, key):
    iam = server.client("iam")
    user = iam.create_user(UserName="leaver")["User"]
    kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=user["Arn"], Operations=["Encrypt"])
    iam.delete_user(UserName="leaver")
    successor = server.create_user("leaver")
    assert listed(kms, KeyId=key["KeyId"])[0]["GranteePrincipal"] == user["UserId"]
    with refused("AccessDeniedException"):
        server.kms(successor).encrypt(KeyId=key["KeyId"], Plaintext=b"x")


def test_a_session_of_the_grantee(server, kms, key):
    """A user's session has what the user was granted, and can retire what names the user."""
    user = server.create_user("by-session")
    answer = server.client("sts", user).get_session_token()["Credentials"]
    session = Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
    arn, client = arn_of(server, user), server.kms(session)
    made = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=arn, RetiringPrincipal=arn, Operations=["Encrypt"])
    client.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    client.retire_grant(GrantToken=made["GrantToken"])
    with refused("AccessDeniedException"):
        client.encrypt(KeyId=key["KeyId"], Plaintext=b"x")


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"GranteePrincipal": f"arn:aws:iam::{ACCOUNT}:user/nobody"}, "InvalidArnException"),
        ({"GranteePrincipal": "arn:aws:iam::999999999999:root"}, "InvalidArnException"),
        ({"RetiringPrincipal": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "InvalidArnException"),
        ({"Operations": ["Sign"]}, "ValidationException"),
        ({"Operations": ["Nothing"]}, "ValidationException"),
        ({"Name": "not a name"}, "ValidationException"),
        ({"KeyId": "alias/a"}, "InvalidArnException"),
        ({"KeyId": "0fa73cb8-7a2f-4b0e-9a83-000000000000"}, "NotFoundException"),
        ({"RetiringServicePrincipal": "s3.us-east-1.amazonaws.com"}, "UnsupportedOperationException"),
        ({"Constraints": {"SourceArn": f"arn:aws:s3:us-east-1:{ACCOUNT}:b"}}, "UnsupportedOperationException"),
        ({"DryRun": True}, "DryRunOperationException"),
    ],
)
def test_refused(kms, key, members, code):
    plain = {"KeyId": key["KeyId"], "GranteePrincipal": ROOT_ARN, "Operations": ["Encrypt"]}
    with refused(code, None, 400):
        kms.create_grant(**{**plain, **members})
    assert listed(kms, KeyId=key["KeyId"]) == []


def test_states(kms, disabled_key):
    made = {"KeyId": disabled_key["KeyId"], "GranteePrincipal": ROOT_ARN, "Operations": ["Encrypt"]}
    with refused("DisabledException", f"{disabled_key['Arn']} is disabled."):
        kms.create_grant(**made)
    kms.enable_key(KeyId=disabled_key["KeyId"])
    grant = kms.create_grant(**made)["GrantId"]
    kms.schedule_key_deletion(KeyId=disabled_key["KeyId"])
    with refused("KMSInvalidStateException", f"{disabled_key['Arn']} is pending deletion."):
        kms.create_grant(**made)
    assert [entry["GrantId"] for entry in listed(kms, KeyId=disabled_key["KeyId"])] == [grant]
    assert kms.get_key_rotation_status(KeyId=disabled_key["KeyId"])["KeyRotationEnabled"] is False
    kms.revoke_grant(KeyId=disabled_key["KeyId"], GrantId=grant)


def test_killed_and_restarted(own_server):
    kms = own_server.kms()
    user = own_server.create_user("ann")
    arn, key = arn_of(own_server, user), kms.create_key()["KeyMetadata"]
    for number in range(5):
        constraints = {"EncryptionContextSubset": {"n": str(number)}} if number % 2 else {}
        kms.create_grant(
            KeyId=key["KeyId"],
            GranteePrincipal=arn,
            RetiringPrincipal=ROOT_ARN,
            Operations=["Encrypt", "DescribeKey"],
            Constraints=constraints,
            Name=f"grant-{number}",
        )
    kept = kms.create_grant(KeyId=key["KeyId"], GranteePrincipal=arn, Operations=["RetireGrant", "Decrypt"])
    kms.revoke_grant(KeyId=key["KeyId"], GrantId=listed(kms, KeyId=key["KeyId"])[0]["GrantId"])
    before = listed(kms, KeyId=key["KeyId"])
    own_server.kill()
    own_server.start()
    assert listed(kms, KeyId=key["KeyId"]) == before
    client = own_server.kms(user)
    client.describe_key(KeyId=key["KeyId"])
    if kept["GrantId"] in [grant["GrantId"] for grant in before]:
        client.retire_grant(GrantToken=kept["GrantToken"])


def test_grants_go_with_their_key(new_server):
    server = new_server("--dev-clock", "2026-01-01T00:00:00Z").start()
    kms, claviger = server.kms(), server.client("claviger")
    key = kms.create_key()["KeyMetadata"]
    for number in range(45):
        kms.create_grant(
            KeyId=key["KeyId"], GranteePrincipal=ROOT_ARN, RetiringPrincipal=ROOT_ARN, Operations=["Encrypt"],
            Name=str(number),
        )
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    claviger.set_dev_clock(Now="2026-01-09T00:00:00Z")
    assert kms.list_retirable_grants(RetiringPrincipal=ROOT_ARN)["Grants"] == []
    with refused("NotFoundException"):
        kms.list_grants(KeyId=key["KeyId"])
    wait_until(lambda: count(decoded(server.data_dir), "claviger:DeleteKey") == 1, 30, "the key to go")


def test_the_aws_cli(server, grantee):
    def aws(*arguments, fails=False):
        done = subprocess.run(
            [sys.executable, "-m", "awscli", "--output", "json", "kms", *arguments],
            env=server.client_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, f"aws {arguments}\n{done.stdout}\n{done.stderr}"
        return done.stderr if fails else json.loads(done.stdout or "{}")

    key_id = ("--key-id", aws("create-key")["KeyMetadata"]["KeyId"])
    assert aws("get-key-rotation-status", *key_id) == {"KeyId": key_id[1], "KeyRotationEnabled": False}
    terms = ("--grantee-principal", grantee[0], "--retiring-principal", ROOT_ARN, "--operations", "Decrypt", "Encrypt")
    grant = aws("create-grant", *key_id, *terms, "--constraints", "EncryptionContextSubset={a=b}", "--name", "cli")
    (entry,) = aws("list-grants", *key_id)["Grants"]
    assert (entry["GrantId"], entry["Constraints"]) == (grant["GrantId"], {"EncryptionContextSubset": {"a": "b"}})
    retirable = aws("list-retirable-grants", "--retiring-principal", ROOT_ARN)["Grants"]
    assert grant["GrantId"] in [entry["GrantId"] for entry in retirable]
    dry = aws("retire-grant", "--grant-token", grant["GrantToken"], "--dry-run", fails=True)
    assert "DryRunOperationException" in dry
    aws("retire-grant", "--grant-token", grant["GrantToken"])
    grant = aws("create-grant", *key_id, *terms)
    aws("revoke-grant", *key_id, "--grant-id", grant["GrantId"])
    assert "NotFoundException" in aws("revoke-grant", *key_id, "--grant-id", grant["GrantId"], fails=True)


@pytest.mark.parametrize("retire", [True, False])
def test_the_calls_of_terraforms_grant(kms, key, grantee, retire):
    """What the AWS provider calls for aws_kms_grant: create, read back, refresh without drift, replace, destroy."""
    resource = {
        "KeyId": key["KeyId"],
        "Name": "terraform",
        "GranteePrincipal": grantee[0],
        "RetiringPrincipal": ROOT_ARN,
        "Operations": ["Decrypt", "Encrypt", "GenerateDataKey"],
        "Constraints": {"EncryptionContextEquals": {"Department": "Finance"}},
    }

    def find(grant_id):
        marker = {}
        while True:
            page = kms.list_grants(KeyId=key["KeyId"], Limit=100, **marker)
            for entry in page["Grants"]:
                if entry["GrantId"] == grant_id:
                    return entry
            if not page["Truncated"]:
                return None
            marker = {"Marker": page["NextMarker"]}

    def destroy(grant_id):
        (kms.retire_grant if retire else kms.revoke_grant)(KeyId=key["KeyId"], GrantId=grant_id)
        assert find(grant_id) is None
        with refused("NotFoundException"):
            kms.revoke_grant(KeyId=key["KeyId"], GrantId=grant_id)

    first = kms.create_grant(**resource)["GrantId"]
    for _ in range(2):
        entry = find(first)
        assert {name: entry[name] for name in resource if name not in ("KeyId", "Operations")} == {
            name: value for name, value in resource.items() if name not in ("KeyId", "Operations")
        }
        assert sorted(entry["Operations"]) == sorted(resource["Operations"])
    destroy(first)
    second = kms.create_grant(**{**resource, "Operations": ["Decrypt"]})["GrantId"]
    assert find(second)["Operations"] == ["Decrypt"]
    destroy(second)
