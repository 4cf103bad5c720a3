"""ImportCloudTrail and `claviger usage import`: usage that AWS CloudTrail recorded is counted once, whatever happens."""

import gzip
import json
import os
import uuid

import pytest

from claviger_server import ACCOUNT, REGION, run_binary, wait_until
from refusals import refused
from test_usage import SECONDS, gauge, last_usage

MATERIAL = "123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"

USER = {
    "type": "IAMUser",
    "principalId": "AIDACKCEVSQ6C2EXAMPLE",
    "arn": f"arn:aws:iam::{ACCOUNT}:user/Alice",
    "accountId": ACCOUNT,
    "accessKeyId": "AKIAIOSFODNN7EXAMPLE",
    "userName": "Alice",
}
ROLE = {
    "type": "AssumedRole",
    "principalId": "AROACKCEVSQ6C2EXAMPLE:i-0123456789abcdef0",
    "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/app/i-0123456789abcdef0",
    "accountId": ACCOUNT,
    "accessKeyId": "ASIAIOSFODNN7EXAMPLE",
    "sessionContext": {
        "sessionIssuer": {
            "type": "Role",
            "principalId": "AROACKCEVSQ6C2EXAMPLE",
            "arn": f"arn:aws:iam::{ACCOUNT}:role/service/app",
            "accountId": ACCOUNT,
            "userName": "app",
        },
        "attributes": {"creationDate": "2025-05-20T19:00:00Z", "mfaAuthenticated": "false"},
    },
}
SERVICE = {"type": "AWSService", "invokedBy": "secretsmanager.amazonaws.com"}


def record(name, identity, keys, request, **more):
    """A record as the developer guide shows them."""
    return {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": "2025-05-20T20:46:16Z",
        "eventSource": "kms.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "192.0.2.0",
        "userAgent": "AWS Internal",
        "requestParameters": request,
        "responseElements": None,
        "additionalEventData": {"keyMaterialId": MATERIAL},
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": True,
        "resources": [{"accountId": ACCOUNT, "type": "AWS::KMS::Key", "ARN": arn} for arn in keys],
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        **more,
    }


def packed(*records):
    return gzip.compress(json.dumps({"Records": list(records)}).encode())


@pytest.fixture
def keys(own_server):
    return [own_server.kms().create_key()["KeyMetadata"]["Arn"] for _ in range(2)]


@pytest.fixture
def day(keys):
    """What a day left: five events that are uses of keys, and two that are none."""
    first, second = keys
    re_encrypt = {
        "sourceEncryptionContext": {"tenant": "blue"},
        "destinationEncryptionContext": {"tenant": "red"},
        "destinationKeyId": second,
    }
    return [
        record("Encrypt", USER, [first], {"keyId": "alias/app", "encryptionContext": {"tenant": "blue"}}),
        record("Decrypt", ROLE, [first], {"encryptionContext": {"tenant": "blue"}}),
        record("GenerateDataKey", SERVICE, [first], {"keyId": first, "keySpec": "AES_256"}),
        record("ReEncrypt", ROLE, [first, second], re_encrypt),
        record("Decrypt", USER, [second], {}, errorCode="DisabledException", errorMessage=f"{second} is disabled."),
        record("DescribeKey", USER, [first], {"keyId": first}),
        record("GetObject", USER, [], {"bucketName": "b"}, eventSource="s3.amazonaws.com"),
    ]


def counts(reply):
    return tuple(reply[name] for name in ["EventsAccepted", "Duplicates", "EventsLeftOut", "Keys"])


def ready(server):
    """A client, once usage was read after a start."""
    wait_until(lambda: gauge(server, "waiting_entries") == 0, SECONDS, "the log to be counted")
    return server.client("claviger")


def test_a_day_is_counted_once_whatever_happens(own_server, keys, day):
    claviger = ready(own_server)
    assert counts(claviger.import_cloud_trail(Records=packed(*day))) == (5, 0, 2, 2)
    assert gauge(own_server, "imported_uses") == 6
    rows = gauge(own_server, "rows")
    assert rows == 6
    own_server.kill()
    own_server.start()
    claviger = ready(own_server)
    wait_until(lambda: gauge(own_server, "imported_uses") == 6, SECONDS, "the import to be counted again")
    assert counts(claviger.import_cloud_trail(Records=packed(*day))) == (0, 5, 2, 0)
    more = record("Encrypt", USER, [keys[0]], {"keyId": keys[0]})
    assert counts(claviger.import_cloud_trail(Records=packed(*day[:2], more))) == (1, 2, 0, 1)
    # Without a snapshot all of it is counted again.
    assert own_server.terminate() == 0
    (own_server.data_dir / "usage" / "snapshot").unlink()
    own_server.start()
    claviger = ready(own_server)
    wait_until(lambda: gauge(own_server, "imported_uses") == 7, SECONDS, "all imports to be counted again")
    assert gauge(own_server, "rows") == rows + 1
    assert last_usage(own_server.kms(), keys[0])["KeyLastUsage"] == {}, "imported uses are nobody's last"
    assert counts(claviger.import_cloud_trail(Records=packed(*day, more))) == (0, 6, 2, 0)

    assert own_server.terminate() == 0
    imported = own_server.data_dir / "usage" / "imported"
    for path, mode in [(imported, 0o700), (imported / "0000000001", 0o600)]:
        assert path.stat().st_mode & 0o777 == mode, path
    done = run_binary("doctor", "--data-dir", str(own_server.data_dir))
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "nothing is wrong")
    damaged = imported / "0000000000"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    done = run_binary("doctor", "--data-dir", str(own_server.data_dir))
    assert done.returncode == 1 and "usage/imported/0000000000" in done.stdout, done.stdout


def test_keys_come_first(own_server, keys, day):
    """What is used of keys that are not here is left out, and counts once they are."""
    claviger = ready(own_server)
    gone = keys[0][:-12] + "0" * 12
    elsewhere = json.loads(json.dumps(day).replace(keys[0], gone))
    reply = claviger.import_cloud_trail(Records=packed(*elsewhere))
    assert counts(reply) == (2, 0, 5, 1) and reply["MissingKeys"] == [gone]
    ids = {gone.split("/")[1]: keys[0].split("/")[1]}
    reply = claviger.import_cloud_trail(Records=packed(*elsewhere), KeyIds=ids)
    # Of the ReEncrypt the other half counts now.
    assert counts(reply) == (4, 1, 2, 1) and reply["MissingKeys"] == []
    assert gauge(own_server, "imported_uses") == 6


def test_more_missing_keys_than_an_answer_names(own_server, tmp_path, keys):
    ready(own_server)
    missing = [f"{keys[0][:-12]}{number:012}" for number in range(101)]
    uses = [record("Encrypt", USER, [key], {"keyId": key}) for key in missing]
    path = tmp_path / "uses.json"
    for count, more in [(99, 0), (101, 1)]:
        path.write_text(json.dumps({"Records": uses[:count]}))
        done = own_server.run("usage", "import", str(path))
        lines = [line for line in done.stdout.splitlines() if line.startswith("not here: ")]
        assert done.returncode == 0 and len(lines) == min(count, 100) + more, done.stdout
        assert lines[-1].startswith("not here: perhaps more keys") == bool(more)
    pairs = [f"--key={key.split('/')[1]}={keys[0].split('/')[1]}" for key in missing] * 5
    done = own_server.run("usage", "import", str(path), *pairs)
    assert (done.returncode, done.stdout) == (1, "") and "`--key` is there more than 500 times" in done.stderr


def test_bad_files(own_server, keys, day):
    claviger = ready(own_server)
    whole = packed(*day)
    bomb = gzip.compress(b" " * (300 << 20))
    assert len(bomb) < 700_000
    for file, text in [
        (whole[:-20], "the file is no whole gzip file"),
        (json.dumps({"Records": []}).encode(), "the file is no whole gzip file"),
        (bomb, "more than 33554432 bytes when it is unpacked"),
        (gzip.compress(b"[]"), "the file is none of CloudTrail's"),
        (gzip.compress(b'{"Records": [{}'), "the file is none of CloudTrail's"),
    ]:
        with refused("ValidationException") as refusal:
            claviger.import_cloud_trail(Records=file)
        assert text in str(refusal.value)
    assert gauge(own_server, "imported_uses") == 0
    # One record that cannot be read does not keep the others out.
    day[1]["eventTime"] = "yesterday"
    assert counts(claviger.import_cloud_trail(Records=packed(None, *day))) == (4, 0, 4, 2)


def test_the_command(own_server, tmp_path, keys, day):
    ready(own_server)
    folder = tmp_path / "AWSLogs" / ACCOUNT
    for name in ["CloudTrail", "CloudTrail-Digest"]:
        (folder / name).mkdir(parents=True)
    (folder / "CloudTrail" / "1.json.gz").write_bytes(packed(*day))
    (folder / "CloudTrail" / "2.json").write_text(json.dumps({"Records": day[:3]}))
    (folder / "CloudTrail-Digest" / "3.json.gz").write_bytes(gzip.compress(b"{}"))
    done = own_server.run("usage", "import", str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        f"{folder}/CloudTrail/1.json.gz to {folder}/CloudTrail/2.json (2 files): "
        "5 events accepted, 3 duplicates, 2 left out",
        "2 files: 5 events accepted, 3 duplicates, 2 left out; 0 refused",
    ]

    # A file that is too long for a request, others that are none, and one more.
    long = [record("Encrypt", USER, [keys[0]], {"keyId": keys[0]}, noise=os.urandom(1000).hex()) for _ in range(1500)]
    (tmp_path / "long.json").write_text(json.dumps({"Records": long}))
    (tmp_path / "none.json").write_text("none")
    gone = keys[1][:-12] + "0" * 12
    (tmp_path / "last.json").write_text(json.dumps({"Records": [record("Encrypt", USER, [gone], {"keyId": gone})]}))
    paths = [str(tmp_path / name) for name in ["missing", "none.json", "long.json", "last.json"]]
    done = own_server.run("usage", "import", "--account", ACCOUNT, *paths)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert [line.split(": ")[0] for line in lines[:-2]] == [
        *[paths[2]] * (len(lines) - 3),
        f"{paths[2]} to {paths[3]} (2 files)",
    ]
    assert len(lines) == 2 + 3, "1.5 MB of noise are three requests"
    assert lines[-2:] == [
        "3 files: 1500 events accepted, 0 duplicates, 1 left out; 2 refused",
        f"not here: {gone}",
    ]
    assert len(done.stderr.splitlines()) == 2 and "none.json" in done.stderr and "missing" in done.stderr
    ids = "=".join(arn.split("/")[1] for arn in [gone, keys[1]])
    done = own_server.run("usage", "import", "--key", ids, paths[-1])
    assert done.stdout.splitlines()[-1] == "1 files: 1 events accepted, 0 duplicates, 0 left out; 0 refused"
    # Whatever would happen to each request ends it.
    stranger = own_server.create_user("stranger")
    done = own_server.run("usage", "import", str(tmp_path), credentials=stranger)
    assert done.returncode == 1 and "AccessDeniedException" in done.stderr and done.stdout == ""
    stop = f"the import stops at {folder}/CloudTrail/1.json.gz to {tmp_path}/long.json (4 files)"
    assert stop in done.stderr


def test_a_trail_of_small_files_is_few_requests(own_server, tmp_path, keys):
    """A year's trail is some hundred thousand files: the server keeps one for each request, not one for each of them."""
    ready(own_server)
    trail = tmp_path / "AWSLogs"
    trail.mkdir()
    for number in range(300):
        records = [record("Encrypt", USER, [keys[number % 2]], {"keyId": keys[number % 2]}) for _ in range(5)]
        (trail / f"{number:03}.json.gz").write_bytes(packed(*records))
    bad = {
        "050": (packed(record("Encrypt", USER, [keys[0]], {}))[:-20], "it cannot be read: "),
        "100": (gzip.compress(b'{"logFiles": []}'), "it is none of CloudTrail's: missing field `Records`"),
        "150": (gzip.compress(json.dumps({"Records": records})[:-9].encode()), "it is none of CloudTrail's: EOF"),
    }
    for name, (content, _) in bad.items():
        (trail / f"{name}.json.gz").write_bytes(content)
    done = own_server.run("usage", "import", str(trail))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        f"{trail}/000.json.gz to {trail}/299.json.gz (297 files): 1485 events accepted, 0 duplicates, 0 left out",
        "300 files: 1485 events accepted, 0 duplicates, 0 left out; 3 refused",
    ]
    complaints = done.stderr.splitlines()
    assert len(complaints) == len(bad), done.stderr
    for (name, (_, text)), complaint in zip(bad.items(), complaints):
        assert complaint.startswith(f"claviger: `{trail}/{name}.json.gz` is refused: {text}"), complaint
    assert gauge(own_server, "imported_uses") == 1485
    assert [path.name for path in (own_server.data_dir / "usage" / "imported").iterdir()] == ["0000000000"]
    events = own_server.client("cloudtrail").lookup_events
    about = [{"AttributeKey": "EventName", "AttributeValue": "ImportCloudTrail"}]
    wait_until(lambda: events(LookupAttributes=about)["Events"], SECONDS, "the request to be found")
    assert len(events(LookupAttributes=about)["Events"]) == 1
    # Again it is as few requests, of which nothing is new.
    done = own_server.run("usage", "import", str(trail))
    assert done.stdout.splitlines()[-1] == "300 files: 0 events accepted, 1485 duplicates, 0 left out; 3 refused"


def test_an_import_that_was_set_aside_is_a_finding(own_server, keys, day):
    """A server that was killed before a snapshot held an import finds it damaged, and goes on without it."""
    assert counts(ready(own_server).import_cloud_trail(Records=packed(*day))) == (5, 0, 2, 2)
    own_server.kill()
    stored = own_server.data_dir / "usage" / "imported" / "0000000000"
    stored.write_bytes(stored.read_bytes()[:-1])
    own_server.start()
    ready(own_server)
    aside = stored.with_name(f"{stored.name}.unusable")
    assert aside.exists() and not stored.exists()
    assert counts(own_server.client("claviger").import_cloud_trail(Records=packed(*day))) == (5, 0, 2, 2)
    assert own_server.terminate() == 0
    done = run_binary("doctor", "--data-dir", str(own_server.data_dir))
    first, second = done.stdout.splitlines()[:2]
    assert done.returncode == 1 and second == "wrong in 1 places"
    assert first.startswith("`usage/imported/0000000000.unusable`: ") and "import the trail again" in first
    aside.unlink()
    done = run_binary("doctor", "--data-dir", str(own_server.data_dir))
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "nothing is wrong")
