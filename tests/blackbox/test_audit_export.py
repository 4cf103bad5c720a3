"""`claviger audit export`: a server's events in CloudTrail's form, as a stream and as files."""

import gzip
import json

import pytest

from claviger_server import Server, run_binary
from test_audit_commands import log_of, make_events, key_of


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("exported") / "data").start()
    kms = server.kms()
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.encrypt(KeyId=key, Plaintext=b"a secret", EncryptionContext={"Department": "Engineering"})
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="alias/none")
    make_events(server, 5)
    assert server.terminate() == 0
    return log_of(server), key_of(server), key


def export(log, *arguments):
    directory, verifier_key, _ = log
    done = run_binary("audit", "export", str(directory), "--key", verifier_key, *map(str, arguments))
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_each_event_is_a_line(log):
    records, key = export(log), log[2]
    assert len({record["eventID"] for record in records}) == len(records)
    (encrypt,) = [record for record in records if record["eventName"] == "Encrypt"]
    assert encrypt["eventSource"] == "kms.amazonaws.com" and encrypt["readOnly"] is True
    assert encrypt["requestParameters"] == {
        "encryptionContext": {"Department": "Engineering"},
        "keyId": key,
        "encryptionAlgorithm": "SYMMETRIC_DEFAULT",
    }
    assert encrypt["resources"] == [{"accountId": key.split(":")[4], "type": "AWS::KMS::Key", "ARN": key}]
    assert encrypt["userIdentity"]["type"] == "IAMUser" and "Boto3" in encrypt["userAgent"]
    (missing,) = [record for record in records if record.get("errorCode")]
    assert (missing["eventName"], missing["errorCode"]) == ("DescribeKey", "NotFoundException")
    assert "a secret" not in json.dumps(records)


def test_a_refusal_tells_nothing_of_other_accounts(tmp_path):
    """What there is in one account changes nothing in the other's copies of events, and each sees its own resources."""
    server = Server(tmp_path / "data").start()
    kms = server.kms()
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/payroll", TargetKeyId=key)
    away = server.kms(server.create_account("222233334444", "other"))
    prefix = key.rpartition(":")[0]
    there, missing = f"{prefix}:alias/payroll", f"{prefix}:alias/nope"
    for alias in [there, missing]:
        with pytest.raises(away.exceptions.ClientError):
            away.encrypt(KeyId=alias, Plaintext=b"x")
    assert server.terminate() == 0
    log = log_of(server), key_of(server), key
    own = [record for record in export(log, "--account", "222233334444") if record["eventName"] == "Encrypt"]
    found, not_found = own
    for record in own:
        assert "resources" not in record and "sharedEventID" not in record
        record["requestParameters"].pop("keyId")
        for varies in ["eventID", "requestID", "eventTime", "errorCode", "errorMessage"]:
            record.pop(varies, None)
    assert found == not_found
    records = export(log, "--account", key.split(":")[4])
    (owners,) = [record for record in records if record["eventName"] == "Encrypt"]
    assert [shown["ARN"] for shown in owners["resources"]] == [key]
    assert "errorMessage" not in owners and owners["userIdentity"]["type"] == "AWSAccount"


def test_files_as_cloudtrail_lays_them_out(log, tmp_path):
    assert export(log, "-o", tmp_path) == []
    files = sorted(tmp_path.rglob("*.json.gz"))
    found = [record for path in files for record in json.loads(gzip.decompress(path.read_bytes()))["Records"]]
    by_id = lambda records: sorted(records, key=lambda record: record["eventID"])
    assert by_id(found) == by_id(export(log))
    for path in files:
        root, account, trail, region, year, month, day, name = path.relative_to(tmp_path).parts
        assert (root, trail) == ("AWSLogs", "CloudTrail")
        assert name.startswith(f"{account}_CloudTrail_{region}_{year}{month}{day}T")
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_part_of_the_log(log):
    records = export(log)
    account = log[2].split(":")[4]
    assert export(log, "--account", account) == [
        record for record in records if record.get("recipientAccountId") == account
    ]
    assert export(log, "--account", "999999999999") == []
    assert export(log, "--from", "2100-01-01T00:00:00Z") == export(log, "--to", "2000-01-01T00:00:00Z") == []
    assert export(log, "--from", "2000-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z") == records
