"""Sessions of users: GetSessionToken, what its sessions may do, and how they end. Source: STS API reference."""

import datetime
import json
import uuid

import pytest

from claviger_server import ACCOUNT, Credentials
from raw_http import kms_request, send, signed
from refusals import refused

INVALID = "The security token included in the request is invalid."
ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def session(server, credentials=None, **arguments):
    answer = server.client("sts", credentials).get_session_token(**arguments)["Credentials"]
    return Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])


@pytest.fixture
def user(server):
    """A user who may do everything: its name and its access key."""
    name = f"user-{uuid.uuid4()}"
    return name, server.create_user(name, ALLOW_ALL)


@pytest.fixture(scope="module")
def admin_session(server):
    return session(server)


def test_a_session_encrypts_and_decrypts(server, shared_key, admin_session):
    kms = server.kms(admin_session)
    blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"by a session")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"by a session"
    assert server.kms().decrypt(CiphertextBlob=blob)["Plaintext"] == b"by a session"


def test_who_am_i(server, user):
    name, credentials = user
    own = server.client("sts", credentials).get_caller_identity()
    by_session = server.client("sts", session(server, credentials)).get_caller_identity()
    assert by_session["Arn"] == own["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{name}"
    assert (by_session["UserId"], by_session["Account"]) == (own["UserId"], ACCOUNT)


@pytest.mark.parametrize("seconds, lasts", [(None, 43_200), (900, 900), (129_600, 129_600)])
def test_how_long_it_lasts(server, seconds, lasts):
    arguments = {"DurationSeconds": seconds} if seconds else {}
    before = datetime.datetime.now(datetime.timezone.utc)
    ends = server.client("sts").get_session_token(**arguments)["Credentials"]["Expiration"]
    assert abs((ends - before).total_seconds() - lasts) < 30


@pytest.mark.parametrize("seconds", [899, 129_601])
def test_durations_that_are_refused(server, seconds):
    sts = server.client("sts", parameter_validation=False)
    with refused("ValidationError", status=400):
        sts.get_session_token(DurationSeconds=seconds)


def test_a_session_makes_no_session(server, admin_session):
    with refused("AccessDenied", "Cannot call GetSessionToken with session credentials", 403):
        session(server, admin_session)


def test_iam_wants_a_code(server, admin_session):
    with refused("InvalidClientTokenId", INVALID, 403):
        server.client("iam", admin_session).list_users()


def test_our_own_operations_and_the_command_line_take_sessions(server, admin_session):
    done = server.run("account", "create", "--name", "by a session", "--output", "json", credentials=admin_session)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["Account"]["Name"] == "by a session"


def test_tokens_that_do_not_belong(server, admin_session):
    """A token of another session, a changed one, a short one, none; and a token beside a user's access key."""
    other, (id_, secret, token) = session(server), vars(admin_session).values()
    middle = len(token) // 2
    changed = token[:middle] + ("A" if token[middle] != "A" else "B") + token[middle + 1 :]
    for credentials in [
        Credentials(id_, secret, other.token),
        Credentials(other.access_key_id, other.secret, token),
        Credentials(id_, secret, changed),
        Credentials(id_, secret, token[:-1]),
        Credentials(id_, secret, token + "A"),
        Credentials(id_, secret, "x" * 20_000),
        Credentials(id_, secret, "not a token"),
        Credentials(id_, secret),
        Credentials(server.admin.access_key_id, server.admin.secret, token),
    ]:
        with refused("UnrecognizedClientException", INVALID, 400):
            server.kms(credentials).list_keys()
        with refused("InvalidClientTokenId", INVALID, 403):
            server.client("sts", credentials).get_caller_identity()


def test_a_wrong_secret_with_a_right_token(server, admin_session):
    wrong = Credentials(admin_session.access_key_id, "x" * 40, admin_session.token)
    with refused("InvalidSignatureException", status=400):
        server.kms(wrong).list_keys()


def test_the_token_must_be_signed(server, admin_session):
    token = {"x-amz-security-token": admin_session.token}
    request = kms_request(server, "ListKeys", {}, credentials=admin_session, extra=token)
    assert send(server, request).status == 200
    request = kms_request(server, "ListKeys", {}, credentials=admin_session, extra=token, unsigned=[*token])
    answer = send(server, request)
    assert (answer.status, answer.code) == (400, "InvalidSignatureException")
    assert answer.message == "'X-Amz-Security-Token' must be a 'SignedHeader' in the AWS Authorization."


def test_two_tokens_in_one_request(server, admin_session):
    request = signed(
        server,
        "TrentService.ListKeys",
        {},
        credentials=admin_session,
        extra={"x-amz-security-token": f"{admin_session.token},{admin_session.token}"},
    )
    answer = send(server, request)
    assert (answer.status, answer.code, answer.message) == (400, "UnrecognizedClientException", INVALID)


def test_another_deployment_knows_nothing_of_it(server, own_server, admin_session):
    with refused("UnrecognizedClientException", INVALID):
        own_server.kms(admin_session).list_keys()


def test_it_outlives_a_restart_and_rotations(own_server):
    key = own_server.kms().create_key()["KeyMetadata"]["KeyId"]
    credentials = session(own_server)
    own_server.client("claviger").rotate_cluster_key()
    own_server.restart()
    assert own_server.kms(credentials).encrypt(KeyId=key, Plaintext=b"x")["KeyId"]


def test_it_dies_with_its_user(server, user):
    name, credentials = user
    dead = session(server, credentials)
    assert server.kms(dead).list_keys(Limit=1)["Keys"] is not None
    iam = server.client("iam")
    iam.delete_user_policy(UserName=name, PolicyName="policy-0")
    iam.delete_access_key(UserName=name, AccessKeyId=credentials.access_key_id)
    assert server.client("sts", dead).get_caller_identity()["Account"] == ACCOUNT
    iam.delete_user(UserName=name)
    server.create_user(name, ALLOW_ALL)
    with refused("UnrecognizedClientException", INVALID, 400):
        server.kms(dead).list_keys()
    with refused("InvalidClientTokenId", INVALID, 403):
        server.client("sts", dead).get_caller_identity()


def test_revocation(server, user):
    name, credentials = user
    old = session(server, credentials)
    arn = f"arn:aws:iam::{ACCOUNT}:user/{name}"
    claviger = server.client("claviger")
    revoked = claviger.revoke_sessions(PrincipalArn=arn)
    assert revoked["PrincipalArn"] == arn
    with refused("UnrecognizedClientException", INVALID):
        server.kms(old).list_keys()
    assert server.kms(credentials).list_keys(Limit=1)["Keys"] is not None
    assert server.kms(session(server, credentials)).list_keys(Limit=1)["Keys"] is not None
    again = claviger.revoke_sessions(PrincipalArn=arn, IssuedUntil=datetime.datetime(2020, 1, 1))
    assert again["IssuedUntil"] == revoked["IssuedUntil"]
    with refused("NotFoundException"):
        claviger.revoke_sessions(PrincipalArn=f"{arn}-none")
    with refused("ValidationException"):
        claviger.revoke_sessions(PrincipalArn=arn, IssuedUntil=datetime.datetime(2100, 1, 1))


def test_whose_access_key(server, second_account):
    sts = server.client("sts")
    assert sts.get_access_key_info(AccessKeyId=server.admin.access_key_id)["Account"] == ACCOUNT
    assert sts.get_access_key_info(AccessKeyId=second_account.access_key_id)["Account"] == "222233334444"
    with refused("ValidationError", "The access key AKIAUNKNOWNUNKNOWN22 does not exist."):
        sts.get_access_key_info(AccessKeyId="AKIAUNKNOWNUNKNOWN22")
    with refused("UnsupportedOperation"):
        sts.get_access_key_info(AccessKeyId="ASIAUNKNOWNUNKNOWN22")
