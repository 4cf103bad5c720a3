"""Deletion falls due: with the development clock, so that no test waits. Source: API reference, ScheduleKeyDeletion."""

import datetime
import re
import uuid

import pytest

from claviger_server import ACCOUNT, REGION, Server, run_binary, wait_until
from refusals import refused

START = datetime.datetime(2030, 1, 1, tzinfo=datetime.timezone.utc)


def days(number):
    return datetime.timedelta(days=number)


@pytest.fixture(scope="module")
def clocked(tmp_path_factory):
    """A server whose domain clock the tests move."""
    running = Server(
        tmp_path_factory.mktemp("clock") / "data", "--dev-clock", START.isoformat().replace("+00:00", "Z")
    ).start()
    yield running
    running.stop()


@pytest.fixture
def kms(clocked):
    return clocked.kms()


@pytest.fixture
def move(clocked):
    """Moves the clock on by a duration; returns its new time."""
    claviger = clocked.client("claviger")

    def forward(kms, duration):
        now = kms.create_key()["KeyMetadata"]["CreationDate"] + duration
        assert claviger.set_dev_clock(Now=now)["Now"] == now
        return now

    return forward


def not_found(key_id):
    return refused("NotFoundException", f"Key 'arn:aws:kms:{REGION}:{ACCOUNT}:key/{key_id}' does not exist", 400)


def test_the_clock_starts_where_it_is_told_and_runs(kms):
    created = kms.create_key()["KeyMetadata"]["CreationDate"]
    assert START <= created
    assert kms.create_key()["KeyMetadata"]["CreationDate"] >= created


def test_the_log_says_loudly_that_the_clock_is_not_real(clocked):
    assert "dev-clock" in clocked.log_text() or "development clock" in clocked.log_text()


def test_signatures_follow_the_wall_clock(clocked, kms):
    assert kms.list_keys()["Keys"] is not None


def test_a_key_is_gone_when_it_is_due(clocked, kms, move):
    key = kms.create_key()["KeyMetadata"]
    alias = f"alias/{uuid.uuid4()}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    due = kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)["DeletionDate"]
    claviger = clocked.client("claviger")
    claviger.set_dev_clock(Now=due - datetime.timedelta(minutes=1))
    assert kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == key["KeyId"]
    claviger.set_dev_clock(Now=due + datetime.timedelta(seconds=1))
    for call in [
        lambda: kms.describe_key(KeyId=key["KeyId"]),
        lambda: kms.cancel_key_deletion(KeyId=key["KeyId"]),
        lambda: kms.encrypt(KeyId=key["Arn"], Plaintext=b"x"),
        lambda: kms.get_key_policy(KeyId=key["KeyId"]),
        lambda: kms.list_aliases(KeyId=key["KeyId"]),
    ]:
        with not_found(key["KeyId"]):
            call()
    with refused("NotFoundException", f"Alias arn:aws:kms:{REGION}:{ACCOUNT}:{alias} is not found."):
        kms.describe_key(KeyId=alias)
    with refused("AccessDeniedException"):
        kms.decrypt(CiphertextBlob=blob)
    listed = [entry["KeyId"] for page in kms.get_paginator("list_keys").paginate() for entry in page["Keys"]]
    assert key["KeyId"] not in listed
    names = [entry["AliasName"] for page in kms.get_paginator("list_aliases").paginate() for entry in page["Aliases"]]
    assert alias not in names
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName=alias, TargetKeyId=other)
    assert kms.describe_key(KeyId=alias)["KeyMetadata"]["KeyId"] == other


def test_a_saved_key_stays(clocked, kms, move):
    key = kms.create_key()["KeyMetadata"]
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=key["KeyId"])
    move(kms, days(40))
    kms.enable_key(KeyId=key["KeyId"])
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_it_falls_due_while_the_server_is_down(clocked, kms, move):
    key = kms.create_key()["KeyMetadata"]
    due = kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)["DeletionDate"]
    clocked.terminate()
    before = clocked.arguments
    clocked.arguments = ["--dev-clock", (due + days(1)).isoformat().replace("+00:00", "Z")]
    try:
        clocked.start()
        with not_found(key["KeyId"]):
            kms.describe_key(KeyId=key["KeyId"])
    finally:
        clocked.arguments = before


def test_the_clock_only_moves_on(clocked, kms, move):
    now = move(kms, days(1))
    with refused("ValidationException", None, 400):
        clocked.client("claviger").set_dev_clock(Now=now - days(1))


def test_the_records_are_really_deleted(clocked, kms, move):
    """A job deletes what is due; `claviger doctor` then counts fewer keys."""
    keys = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(5)]

    def count():
        clocked.terminate()
        examined = run_binary("doctor", "--data-dir", str(clocked.data_dir))
        clocked.start()
        assert examined.returncode == 0, examined
        return int(re.search(r"(\d+) keys", examined.stdout)[1])

    before = count()
    for key in keys:
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    clocked.client("claviger").set_dev_clock(Now=kms.create_key()["KeyMetadata"]["CreationDate"] + days(8))
    wait_until(lambda: count() == before - 5 + 1, 30, "the records of deleted keys to be deleted")
