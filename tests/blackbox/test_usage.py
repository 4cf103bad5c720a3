"""Usage: what GetKeyLastUsage, GetAccessKeyLastUsed and kms:TrailingDaysWithoutKeyUsage tell, whatever happens to the
server in between."""

import datetime
import json
import re

import pytest

from claviger_server import REGION, run_binary, wait_until
from refusals import refused
from test_audit_commands import key_of, log_of

SECONDS = 30


def last_usage(kms, key):
    reply = kms.get_key_last_usage(KeyId=key)
    del reply["ResponseMetadata"]
    return reply


def request_id(reply):
    return reply["ResponseMetadata"]["RequestId"]


def wait_for_usage(kms, key, by):
    """Waits until the last use is that of this request."""
    told = lambda: last_usage(kms, key)["KeyLastUsage"].get("KmsRequestId") == by  # noqa: E731
    wait_until(told, SECONDS, "the use to be counted")
    return last_usage(kms, key)


def gauge(server, name):
    (value,) = re.findall(rf"^claviger_usage_{name} (\d+)$", server.get("/metrics")[1], re.MULTILINE)
    return int(value)


def test_the_last_use_of_a_key(own_server):
    kms = own_server.kms()
    metadata = kms.create_key()["KeyMetadata"]
    key, created = metadata["KeyId"], metadata["CreationDate"]
    with pytest.raises(kms.exceptions.DryRunOperationException):
        kms.encrypt(KeyId=key, Plaintext=b"x", DryRun=True)
    unused = {"KeyId": key, "KeyLastUsage": {}, "TrackingStartDate": created, "KeyCreationDate": created}
    wait_until(lambda: gauge(own_server, "rows") == 1, SECONDS, "the refusal to be counted")
    assert last_usage(kms, metadata["Arn"]) == unused

    blob = kms.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    used = wait_for_usage(kms, key, request_id(kms.decrypt(CiphertextBlob=blob)))
    assert used == {**unused, "KeyLastUsage": used["KeyLastUsage"]}
    assert used["KeyLastUsage"]["Operation"] == "Decrypt"
    assert created <= used["KeyLastUsage"]["Timestamp"] <= created + datetime.timedelta(seconds=60)
    with refused("InvalidArnException"):
        kms.get_key_last_usage(KeyId="alias/none")

    assert own_server.terminate() == 0
    done = run_binary("audit", "export", str(log_of(own_server)), "--key", key_of(own_server))
    records = {record["eventID"]: record for record in map(json.loads, done.stdout.splitlines())}
    record = records[used["KeyLastUsage"]["CloudTrailEventId"]]
    assert (record["eventName"], record["requestID"]) == ("Decrypt", used["KeyLastUsage"]["KmsRequestId"])


def test_the_last_use_of_an_access_key(own_server):
    iam, user = own_server.client("iam"), own_server.create_user("ann")

    def told():
        reply = iam.get_access_key_last_used(AccessKeyId=user.access_key_id)
        assert reply["UserName"] == "ann"
        return reply["AccessKeyLastUsed"]

    assert told() == {"ServiceName": "N/A", "Region": "N/A"}
    with refused("AccessDeniedException"):
        own_server.kms(user, "eu-west-1").list_keys()
    wait_until(lambda: told()["ServiceName"] == "kms", SECONDS, "the use")
    assert told()["Region"] == "eu-west-1"
    assert abs(told()["LastUsedDate"] - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(seconds=60)
    own_server.client("sts", user).get_caller_identity()
    wait_until(lambda: told()["ServiceName"] == "sts", SECONDS, "the next use")
    assert told()["Region"] == REGION
    with refused("NoSuchEntity"):
        iam.get_access_key_last_used(AccessKeyId="AKIA7777777777777777")


def test_nothing_is_lost_by_an_end(own_server):
    """By an orderly one, by a kill, by a kill with a snapshot that is there, damaged, or gone."""
    kms = own_server.kms()
    keys = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3)]
    snapshot = own_server.data_dir / "usage" / "snapshot"

    def nothing():
        pass

    def damage():
        snapshot.write_bytes(snapshot.read_bytes()[:-1])

    expected, rows = {}, 0
    ends = [
        (own_server.kill, nothing),
        (own_server.terminate, nothing),
        (own_server.kill, nothing),
        (own_server.kill, damage),
        (own_server.terminate, snapshot.unlink),
    ]
    for number, (end, meanwhile) in enumerate(ends):
        key = keys[number % len(keys)]
        for _ in range(200):
            answered = request_id(kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"tenant": str(number)}))
        expected[key] = wait_for_usage(kms, key, answered)
        rows = gauge(own_server, "rows")
        end()
        meanwhile()
        own_server.start()
        wait_until(lambda: gauge(own_server, "waiting_entries") == 0, SECONDS, "the log to be counted")
        for key, usage in expected.items():
            assert last_usage(kms, key) == usage, (number, key)
        assert gauge(own_server, "rows") == rows, number
        assert gauge(own_server, "entries") > 200 * (number + 1)
    assert gauge(own_server, "merged_uses") == 0
    assert "the usage snapshot is set aside" in own_server.log_text()
    assert (snapshot.parent / "snapshot.unusable").exists()
    assert own_server.terminate() == 0
    for path, mode in [(snapshot.parent, 0o700), (snapshot, 0o600)]:
        assert path.stat().st_mode & 0o777 == mode, path


def test_days_without_use(new_server):
    """A key may be disabled only after 90 days without use."""
    server = new_server("--dev-clock", "2026-01-01T00:00:00Z").start()
    days = {"NumericLessThan": {"kms:TrailingDaysWithoutKeyUsage": "90"}}
    actions = ["kms:DisableKey", "kms:ScheduleKeyDeletion"]
    kms = server.kms()
    careful = server.kms(
        server.create_user(
            "careful",
            {"Statement": {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}},
            {"Statement": {"Effect": "Deny", "Action": actions, "Resource": "*", "Condition": days}},
        )
    )
    used, unused = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2)]
    clock = server.client("claviger")

    def pass_days(number):
        now = kms.describe_key(KeyId=used)["KeyMetadata"]["CreationDate"] + datetime.timedelta(days=number)
        clock.set_dev_clock(Now=now)

    def is_refused(key):
        with refused("AccessDeniedException"):
            careful.disable_key(KeyId=key)
        with refused("AccessDeniedException"):
            careful.schedule_key_deletion(KeyId=key)

    pass_days(50)
    wait_for_usage(kms, used, request_id(kms.encrypt(KeyId=used, Plaintext=b"x")))
    is_refused(unused)
    pass_days(91)
    is_refused(used)
    careful.disable_key(KeyId=unused)
    server.kill()
    server.start()
    wait_until(lambda: gauge(server, "waiting_entries") == 0, SECONDS, "the log to be counted")
    pass_days(91)
    is_refused(used)
    pass_days(141)
    careful.schedule_key_deletion(KeyId=used)


def test_without_events_of_requests_nothing_is_known(new_server):
    server = new_server(environment={"CLAVIGER_AUDIT_REQUESTS": "false"}).start()
    kms = server.kms()
    metadata = kms.create_key()["KeyMetadata"]
    kms.encrypt(KeyId=metadata["KeyId"], Plaintext=b"x")
    usage = last_usage(kms, metadata["KeyId"])
    assert usage["KeyLastUsage"] == {} and usage["KeyCreationDate"] == metadata["CreationDate"]
    assert usage["TrackingStartDate"] > metadata["CreationDate"]
    server.kill()
    server.environment = {}
    started = datetime.datetime.now(datetime.timezone.utc)
    server.start()
    wait_for_usage(kms, metadata["KeyId"], request_id(kms.encrypt(KeyId=metadata["KeyId"], Plaintext=b"x")))
    assert last_usage(kms, metadata["KeyId"])["TrackingStartDate"] >= started
