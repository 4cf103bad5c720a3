"""Each request leaves exactly one event in the audit log, whatever came of it, and no secret."""

import hashlib
import http.client
import os
import uuid

import pytest
from botocore.exceptions import ClientError

from audit_log import count, decoded, events, verify
from claviger_server import ACCOUNT, REGION, run_binary, wait_until
from raw_http import kms_request, send, signed
from refusals import refused

FORM = "application/x-www-form-urlencoded"


def wait_for(server, action, error=None, times=1):
    wait_until(lambda: count(decoded(server.data_dir), action, error) == times, 30, f"{action} {error}")


def request_id(reply):
    return reply["ResponseMetadata"]["RequestId"]


def test_each_command_leaves_one_event(own_server):
    kms, iam = own_server.kms(), own_server.client("iam")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/audited", TargetKeyId=key)
    kms.tag_resource(KeyId=key, Tags=[{"TagKey": "a", "TagValue": "b"}])
    kms.disable_key(KeyId=key)
    kms.enable_key(KeyId=key)
    kms.schedule_key_deletion(KeyId=key)
    kms.cancel_key_deletion(KeyId=key)
    iam.create_user(UserName="audited")
    actions = ["CreateKey", "CreateAlias", "TagResource", "DisableKey", "EnableKey"]
    actions += ["ScheduleKeyDeletion", "CancelKeyDeletion"]
    for action in actions:
        wait_for(own_server, f"kms:{action}")
    wait_for(own_server, "iam:CreateUser")
    own_server.restart()
    found = decoded(own_server.data_dir)
    for action in actions:
        (event,) = [event for event in found if event["action"] == f"kms:{action}"]
        assert (event["key_ids"], event["region"], event["account"]) == ([key], REGION, int(ACCOUNT)), action
        assert (event["caller"]["name"], event["read_only"]) == ("admin", False), action


def test_reads_uses_and_refusals_leave_one_event_each(own_server):
    kms = own_server.kms()
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    context = {"tenant": "7"}
    encrypted = kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
    described = kms.describe_key(KeyId=key)
    with refused("KMSInvalidStateException") as caught:
        kms.cancel_key_deletion(KeyId=key)
    wait_for(own_server, "kms:CancelKeyDeletion", "KMSInvalidStateException")
    found = {event["id"]: event for event in decoded(own_server.data_dir)}
    encrypt = found[request_id(encrypted)]
    assert (encrypt["action"], encrypt["key_ids"], encrypt["error"]) == ("kms:Encrypt", [key], None)
    assert encrypt["parameters"] == {"KeyId": key, "EncryptionContext": context}
    assert encrypt["keys"][0]["material"].hex() == described["KeyMetadata"]["CurrentKeyMaterialId"]
    assert found[request_id(described)]["read_only"]
    assert found[request_id(caught.value.response)]["key_ids"] == [key]


def test_read_only_tells_of_the_operation(own_server):
    """Not of what came of the request: it may have been refused, or never been read."""
    with refused("AccessDenied"):
        own_server.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/none", RoleSessionName="session")
    form = "application/x-www-form-urlencoded; charset=utf-8"
    for request in [b"Action=ListUsers&MaxItems=x", b"Action=CreateRole&MaxSessionDuration=x"]:
        answer = send(own_server, signed(own_server, None, request + b"&Version=2010-05-08", form, service="iam"))
        assert (answer.status, answer.xml_text("Code")) == (400, "MalformedInput")
    for operation in ["ListKeys", "DisableKey"]:
        assert send(own_server, kms_request(own_server, operation, b"[]")).code == "SerializationException"
    own_server.restart()
    found = [event for event in decoded(own_server.data_dir) if event["error"]]
    # Each worker's events are in their order, those of two in any.
    assert sorted((event["kind"], event["action"], event["read_only"]) for event in found) == sorted([
        ("call", "sts:AssumeRole", True),
        ("call", "iam:ListUsers", True),
        ("call", "iam:CreateRole", False),
        ("unauthenticated", "kms:ListKeys", True),
        ("unauthenticated", "kms:DisableKey", False),
    ])


def test_strangers_are_recorded_up_to_a_rate(own_server):
    connection = http.client.HTTPConnection("127.0.0.1", own_server.port)
    headers = {"content-type": "application/x-amz-json-1.1", "x-amz-target": "TrentService.ListKeys"}
    for _ in range(130):
        connection.request("POST", "/", b"{}", headers)
        reply = connection.getresponse()
        assert (reply.status, b"MissingAuthenticationToken" in reply.read()) == (400, True)
    connection.close()
    own_server.restart()
    found = [event for event in decoded(own_server.data_dir) if event["kind"].startswith("unauthenticated")]
    counted = sum(event["requests"] or 1 for event in found)
    assert counted == 130 and len(found) <= 202, found


def test_no_secret_is_in_the_log(own_server):
    kms = own_server.kms()
    user = own_server.create_user("user")
    plaintext = os.urandom(32)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=key, Plaintext=plaintext)
    kms.disable_key(KeyId=key)
    wait_for(own_server, "kms:DisableKey")
    wait_for(own_server, "iam:CreateAccessKey")
    for event in events(own_server.data_dir):
        assert user.secret.encode() not in event and plaintext not in event
        assert own_server.admin.secret.encode() not in event


def test_strict_waits_for_the_event(new_server):
    """With groups of a minute, only what waits for its event gets it before."""
    server = new_server(environment={"CLAVIGER_AUDIT_STRICT": "true", "CLAVIGER_AUDIT_GROUP_MILLIS": "60000"}).start()
    kms = server.kms()
    for _ in range(5):
        answered = request_id(kms.list_keys())
        assert answered in {event["id"] for event in decoded(server.data_dir)}
    with pytest.raises(ClientError) as caught:
        kms.describe_key(KeyId=str(uuid.uuid4()))
    assert request_id(caught.value.response) in {event["id"] for event in decoded(server.data_dir)}
    # So does what is signed and cannot be read.
    for body in [b"Action=DeleteEverything&Version=2010-05-08", b"Action=ListUsers&Version=2010-05-08&MaxItems=a"]:
        answer = send(server, signed(server, None, body, content_type=FORM, service="iam"))
        assert answer.status == 400, answer
        assert answer.headers["x-amzn-requestid"] in {event["id"] for event in decoded(server.data_dir)}, answer


def test_a_policy_stays_in_the_trail_however_it_is_padded(own_server):
    """IAM does not count white space: whoever writes a policy could have pushed it out of the event by blanks."""
    own_server.create_user("user")
    policy = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
    iam = own_server.client("iam")
    iam.put_user_policy(UserName="user", PolicyName="padded", PolicyDocument=policy + " " * 60_000)
    wait_for(own_server, "iam:PutUserPolicy")
    (event,) = [event for event in decoded(own_server.data_dir) if event["action"] == "iam:PutUserPolicy"]
    assert event["parameters"] == {"UserName": "user", "PolicyName": "padded", "PolicyDocument": policy}


def test_a_refused_request_leaves_a_short_event(own_server):
    """One who may do nothing could have filled the disk."""
    kms = own_server.kms(own_server.create_user("nobody"))
    with refused("AccessDeniedException") as caught:
        kms.create_key(Policy="p" * 30_000)
    wait_for(own_server, "kms:CreateKey", "AccessDeniedException")
    answered = request_id(caught.value.response)
    (event,) = [event for event in events(own_server.data_dir) if uuid.UUID(answered).bytes in event]
    assert len(event) < 4_096
    (event,) = [event for event in decoded(own_server.data_dir) if event["id"] == answered]
    item = b"\x79" + (30_000).to_bytes(2, "big") + b"p" * 30_000
    left_out = len(item).to_bytes(8, "big") + hashlib.sha256(item).digest()
    assert event["parameters"] == {"Policy": left_out}


def test_without_events_of_requests_commands_still_leave_theirs(new_server):
    server = new_server(environment={"CLAVIGER_AUDIT_REQUESTS": "false"}).start()
    kms = server.kms()
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=key, Plaintext=b"x")
    with pytest.raises(ClientError):
        kms.disable_key(KeyId=str(uuid.uuid4()))
    kms.disable_key(KeyId=key)
    wait_for(server, "kms:DisableKey")
    found = decoded(server.data_dir)
    assert count(found, "kms:CreateKey") == 1 and count(found, "kms:Encrypt") == 0
    assert server.terminate() == 0
    assert "audit.requests is off" in server.log.read_text()


def test_anybody_can_verify_the_log(own_server):
    """By the published key and the files alone, after restarts and a kill too."""
    kms, sizes = own_server.kms(), []
    for end in [own_server.terminate, own_server.kill, own_server.terminate]:
        for _ in range(150):
            kms.list_keys()
        key = kms.create_key()["KeyMetadata"]["KeyId"]
        told_of = lambda key=key: any(key in event["key_ids"] for event in decoded(own_server.data_dir))  # noqa: E731
        wait_until(told_of, 30, "the event")
        end()
        sizes.append(verify(own_server.data_dir))
        own_server.start()
    assert sizes[0] > 150 and sizes == sorted(sizes), sizes


def test_doctor_finds_what_was_changed(own_server):
    own_server.kms().create_key()
    own_server.terminate()
    examine = lambda: run_binary("doctor", "--data-dir", str(own_server.data_dir))  # noqa: E731
    key = (own_server.data_dir / "audit" / "verifier-key").read_text().strip()
    assert f"verify with {key}" in examine().stdout
    entries = own_server.data_dir / "audit" / "tile" / "entries"
    bundle = max((path for path in entries.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)
    whole = bundle.read_bytes()
    bundle.write_bytes(whole.replace(b"CreateKey", b"DeleteKey"))
    examined = examine()
    assert examined.returncode == 1 and "the log is damaged" in examined.stdout, examined
    bundle.write_bytes(whole)
    assert examine().returncode == 0
