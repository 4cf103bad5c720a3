"""The server's own log: a line is one JSON object, and what failed is found by the id that its answer bore."""

import json

import pytest
from botocore.exceptions import ClientError


def lines(server):
    """Every line of the log; what a development server tells its user begins otherwise."""
    written = [line for line in server.log_text().splitlines() if not line.startswith("export ")]
    return [json.loads(line) for line in written]


def test_each_line_is_an_object(new_server):
    server = new_server("--dev-clock", "2031-01-01T00:00:00Z", environment={"CLAVIGER_LOG_FORMAT": "json"}).start()
    kms = server.kms()
    # Line breaks and quotes of strangers make no lines of their own.
    key = kms.create_key(Description='a\n"b"')["KeyMetadata"]["KeyId"]
    with pytest.raises(ClientError):
        kms.describe_key(KeyId='"\n{}')
    kms.encrypt(KeyId=key, Plaintext=b"x")
    server.client("claviger").rotate_audit_key()
    assert server.terminate() == 0
    found = lines(server)
    assert {"INFO", "WARN"} <= {line["level"] for line in found}
    for line in found:
        assert {"timestamp", "level", "target", "fields"} <= set(line) and line["fields"]["message"], line
    assert any(line["fields"].get("address") == f"127.0.0.1:{server.port}" for line in found)


def test_a_failed_request_is_found_by_its_id(new_server):
    """The log's directory is taken away, so that events have no place to go."""
    server = new_server(
        environment={"CLAVIGER_LOG_FORMAT": "json", "CLAVIGER_AUDIT_STRICT": "true"}
    ).start()
    kms = server.kms()
    folder = server.data_dir / "audit"
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("in the way")
    with pytest.raises(ClientError) as caught:
        for _ in range(3):
            kms.list_keys()
    answer = caught.value.response
    assert answer["Error"]["Code"] == "KMSInternalException"
    assert "audit" not in answer["Error"].get("Message", "")
    told = [line for line in lines(server) if line["fields"].get("request_id") == answer["ResponseMetadata"]["RequestId"]]
    assert len(told) == 1, told
    assert (told[0]["level"], told[0]["fields"]["operation"]) == ("ERROR", "ListKeys")
    assert "event" in told[0]["fields"]["reason"] or "audit log" in told[0]["fields"]["reason"], told
