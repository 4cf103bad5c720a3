"""CloudTrail's LookupEvents by boto3 and the AWS CLI, and `claviger audit export --follow`."""

import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from audit_log import events
from claviger_server import ACCOUNT, BINARY, REGION, plain_environment, wait_until
from refusals import refused
from test_audit_commands import key_of, log_of

OTHER = "222233334444"


@pytest.fixture
def trail(own_server):
    return client(own_server)


def client(server, credentials=None, region=REGION):
    """One that asks again when it asked too often, as AWS's clients do."""
    return server.client("cloudtrail", credentials, region, retries={"total_max_attempts": 20, "mode": "standard"})


def by(key, value):
    return {"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]}


def found(trail, key, value, **more):
    """All that a look-up finds, in the pages of boto3's paginator."""
    pages = trail.get_paginator("lookup_events").paginate(**by(key, value), **more)
    return [event for page in pages for event in page["Events"]]


def wait_for(trail, key, value, count, **more):
    """What is looked up, once there is so much of it: events are logged some time after their answers."""
    seen = []
    wait_until(lambda: seen.append(found(trail, key, value, **more)) or len(seen[-1]) >= count, 30, f"{key} {value}")
    assert len(seen[-1]) == count
    return seen[-1]


def test_each_attribute(own_server, trail):
    kms = own_server.kms()
    key = kms.create_key()["KeyMetadata"]
    user = own_server.create_user("ann", {"Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]})
    own_server.kms(user).encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    (encrypt,) = wait_for(trail, "EventName", "Encrypt", 1)
    assert encrypt["Resources"] == [{"ResourceType": "AWS::KMS::Key", "ResourceName": key["Arn"]}]
    assert (encrypt["Username"], encrypt["ReadOnly"], encrypt["AccessKeyId"]) == ("ann", "true", user.access_key_id)
    assert abs(encrypt["EventTime"] - datetime.now(UTC)) < timedelta(minutes=1)
    record = json.loads(encrypt["CloudTrailEvent"])
    assert (record["eventID"], record["eventSource"]) == (encrypt["EventId"], "kms.amazonaws.com")
    for attribute, value in [
        ("EventId", encrypt["EventId"]),
        ("EventName", "Encrypt"),
        ("EventSource", "kms.amazonaws.com"),
        ("ReadOnly", "true"),
        ("ResourceName", key["Arn"]),
        ("ResourceName", key["KeyId"]),
        ("ResourceType", "AWS::KMS::Key"),
        ("Username", "ann"),
        ("AccessKeyId", user.access_key_id),
    ]:
        names = [event["EventName"] for event in found(trail, attribute, value)]
        assert "Encrypt" in names, attribute
        assert found(trail, attribute, "something-else") == [], attribute
    at = encrypt["EventTime"]
    assert encrypt in found(trail, "Username", "ann", StartTime=at, EndTime=at)
    assert found(trail, "Username", "ann", StartTime=at + timedelta(seconds=1)) == []
    # The look-ups themselves are events too.
    wait_until(lambda: trail.lookup_events(**by("EventName", "LookupEvents"))["Events"], 30, "a look-up")


def test_two_accounts(own_server, trail):
    """A refused caller's own events do not tell what there is in another account; the owner sees who tried."""
    admin = own_server.create_account(OTHER, "other")
    other_kms, other_trail = own_server.kms(admin), client(own_server, admin)
    key = other_kms.create_key()["KeyMetadata"]
    other_kms.create_alias(AliasName="alias/secret", TargetKeyId=key["KeyId"])
    kms = own_server.kms()
    alias = f"arn:aws:kms:{REGION}:{OTHER}:alias/"
    for name in ["secret", "none"]:
        with refused("AccessDeniedException"):
            kms.encrypt(KeyId=alias + name, Plaintext=b"x")
    tried = wait_for(trail, "EventName", "Encrypt", 2)
    for event in tried:
        assert event["Resources"] == [] and key["KeyId"] not in event["CloudTrailEvent"], event
    secret, none = [shape(event, alias) for event in reversed(tried)]
    assert secret == none
    assert found(trail, "ResourceName", key["Arn"]) == found(trail, "ResourceName", key["KeyId"]) == []
    (attempt,) = wait_for(other_trail, "EventName", "Encrypt", 1)
    assert attempt["Resources"][0]["ResourceName"] == key["Arn"]
    record = json.loads(attempt["CloudTrailEvent"])
    assert sorted(record["userIdentity"]) == ["accountId", "principalId", "type"]
    told = attempt["CloudTrailEvent"]
    assert "admin" not in told and own_server.admin.access_key_id not in told
    assert "Username" not in attempt and "AccessKeyId" not in attempt
    assert found(trail, "EventId", attempt["EventId"]) == []


def shape(event, alias):
    """An event without all that differs between two that say the same of the same."""
    record = json.loads(event["CloudTrailEvent"])
    named = record.pop("requestParameters")["keyId"]
    assert named.startswith(alias)
    for differs in ["eventID", "eventTime", "requestID"]:
        del record[differs]
    return record


def test_pages(own_server, trail):
    """More events than a page has, by boto3 and by the AWS CLI; a token is good for its own request only."""
    kms = own_server.kms()
    wanted = [kms.list_keys()["ResponseMetadata"]["RequestId"] for _ in range(70)]
    for size in [50, 30]:
        events = wait_for(trail, "EventName", "ListKeys", 70, PaginationConfig={"PageSize": size})
        assert [json.loads(event["CloudTrailEvent"])["requestID"] for event in events] == wanted[::-1]
    page = trail.lookup_events(**by("EventName", "ListKeys"))
    assert len(page["Events"]) == 50
    token = page["NextToken"]
    for body in [{"NextToken": token}, {**by("EventName", "ListKeys"), "NextToken": token[:-2] + "AA"}]:
        with refused("InvalidNextTokenException"):
            trail.lookup_events(**body)
    attributes = ["--lookup-attributes", "AttributeKey=EventName,AttributeValue=ListKeys"]
    done = subprocess.run(
        [sys.executable, "-m", "awscli", "--output", "json", "cloudtrail", "lookup-events", *attributes],
        env={**own_server.client_environment(), "AWS_MAX_ATTEMPTS": "20", "AWS_RETRY_MODE": "standard"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [event["EventId"] for event in json.loads(done.stdout)["Events"]] == [event["EventId"] for event in events]


def test_what_is_refused(own_server, trail):
    nobody = client(own_server, own_server.create_user("nobody"))
    with refused("AccessDeniedException"):
        nobody.lookup_events()
    attribute = {"AttributeKey": "EventName", "AttributeValue": "x"}
    now = datetime.now(UTC)
    for code, body in [
        ("InvalidLookupAttributesException", {"LookupAttributes": [attribute, attribute]}),
        ("InvalidTimeRangeException", {"StartTime": now, "EndTime": now - timedelta(days=1)}),
        ("InvalidMaxResultsException", {"MaxResults": 51}),
        ("InvalidNextTokenException", {"NextToken": "x"}),
        ("UnsupportedOperationException", {"EventCategory": "insight"}),
    ]:
        with refused(code):
            trail.lookup_events(**body)
    hasty = own_server.client("cloudtrail")
    with refused("ThrottlingException", "Rate exceeded"):
        for _ in range(20):
            hasty.lookup_events()


class Follower:
    """`claviger audit export --follow`, whose lines are read as they come."""

    def __init__(self, server, *arguments):
        command = [str(BINARY), "audit", "export", str(log_of(server)), "--key", key_of(server), "--follow", *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=plain_environment())

    def next(self, name):
        """The next record of this operation."""
        for line in self.process.stdout:
            record = json.loads(line)
            if record["eventName"] == name:
                return record
        raise AssertionError(self.process.stderr.read())

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)
        assert (self.process.wait(timeout=30), self.process.stderr.read()) == (0, "")


def test_following_the_log(own_server):
    kms = own_server.kms()
    kms.create_key()
    follower = Follower(own_server)
    first = follower.next("CreateKey")
    kms.create_alias(AliasName="alias/a", TargetKeyId=first["responseElements"]["keyMetadata"]["keyId"])
    alias = follower.next("CreateAlias")
    own_server.kill()
    own_server.start()
    kms.list_keys()
    follower.next("ListKeys")
    follower.interrupt()
    # It goes on where another left off, or with what is new.
    resumed = Follower(own_server, "--after", first["eventID"])
    assert resumed.next("CreateAlias") == alias
    resumed.interrupt()
    size = len(events(own_server.data_dir))
    new = Follower(own_server, "--new", "--account", ACCOUNT)
    wait_until(lambda: kms.list_grants(KeyId=key_id(first)) and len(events(own_server.data_dir)) > size, 30, "an event")
    assert new.next("ListGrants")
    new.interrupt()


def key_id(record):
    return record["responseElements"]["keyMetadata"]["keyId"]


def test_a_reader_who_went_away_is_no_error(own_server):
    follower = Follower(own_server)
    follower.process.stdout.close()
    wait_until(lambda: own_server.kms().list_keys() and follower.process.poll() is not None, 30, "the end")
    assert (follower.process.returncode, follower.process.stderr.read()) == (0, "")


def test_lines_are_appended_to_a_file(own_server, tmp_path):
    own_server.kms().create_key()
    file = tmp_path / "events"
    file.write_text("{}\n")
    follower = Follower(own_server, "--append", str(file))
    wait_until(lambda: "CreateKey" in file.read_text(), 30, "the line")
    follower.interrupt()
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0] == {} and lines[-1]["eventVersion"]
