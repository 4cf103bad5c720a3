"""The AWS CLI, unmodified, does the whole list of operations against a server of its own."""

import base64
import json
import subprocess
import sys

import pytest

from claviger_server import ACCOUNT, MODELS, Server


@pytest.fixture(scope="module")
def cli_server(tmp_path_factory):
    running = Server(tmp_path_factory.mktemp("cli") / "data").start()
    yield running
    running.stop()


@pytest.fixture
def aws(cli_server):
    """Runs `aws …` as the admin; returns the parsed answer."""

    def run(*arguments, environment=None, fails=False):
        done = subprocess.run(
            [sys.executable, "-m", "awscli", "--output", "json", *map(str, arguments)],
            env=environment or cli_server.client_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode != 0) == fails, f"aws {arguments}\n{done.stdout}\n{done.stderr}"
        return done.stderr if fails else json.loads(done.stdout or "{}")

    return run


def test_keys(aws):
    key = aws("kms", "create-key", "--description", "by the CLI", "--tags", "TagKey=a,TagValue=b")["KeyMetadata"]
    key_id = ("--key-id", key["KeyId"])
    assert aws("kms", "describe-key", *key_id)["KeyMetadata"]["Description"] == "by the CLI"
    aws("kms", "disable-key", *key_id)
    assert "DisabledException" in aws("kms", "encrypt", *key_id, "--plaintext", "eA==", fails=True)
    aws("kms", "enable-key", *key_id)
    aws("kms", "update-key-description", *key_id, "--description", "changed")
    aws("kms", "tag-resource", *key_id, "--tags", "TagKey=c,TagValue=d")
    aws("kms", "untag-resource", *key_id, "--tag-keys", "a")
    assert aws("kms", "list-resource-tags", *key_id)["Tags"] == [{"TagKey": "c", "TagValue": "d"}]
    policy = aws("kms", "get-key-policy", *key_id, "--policy-name", "default")["Policy"]
    aws("kms", "put-key-policy", *key_id, "--policy-name", "default", "--policy", policy)
    assert aws("kms", "list-key-policies", *key_id)["PolicyNames"] == ["default"]
    assert key["KeyId"] in [entry["KeyId"] for entry in aws("kms", "list-keys")["Keys"]]
    assert (
        aws("kms", "schedule-key-deletion", *key_id, "--pending-window-in-days", "7")["KeyState"] == "PendingDeletion"
    )
    assert aws("kms", "cancel-key-deletion", *key_id)["KeyId"] == key["Arn"]


def test_aliases(aws):
    first, second = (aws("kms", "create-key")["KeyMetadata"]["KeyId"] for _ in range(2))
    aws("kms", "create-alias", "--alias-name", "alias/cli", "--target-key-id", first)
    aws("kms", "update-alias", "--alias-name", "alias/cli", "--target-key-id", second)
    assert aws("kms", "describe-key", "--key-id", "alias/cli")["KeyMetadata"]["KeyId"] == second
    (alias,) = aws("kms", "list-aliases", "--key-id", second)["Aliases"]
    assert alias["AliasName"] == "alias/cli"
    aws("kms", "delete-alias", "--alias-name", "alias/cli")
    assert "NotFoundException" in aws("kms", "describe-key", "--key-id", "alias/cli", fails=True)


def test_cryptography(aws, tmp_path):
    first, second = (aws("kms", "create-key")["KeyMetadata"]["Arn"] for _ in range(2))
    (tmp_path / "plain").write_bytes(b"from a file")
    sealed = aws(
        "kms", "encrypt", "--key-id", first, "--plaintext", f"fileb://{tmp_path}/plain", "--encryption-context", "a=b"
    )
    (tmp_path / "sealed").write_bytes(base64.b64decode(sealed["CiphertextBlob"]))
    blob = ("--ciphertext-blob", f"fileb://{tmp_path}/sealed")
    opened = aws("kms", "decrypt", *blob, "--encryption-context", "a=b")
    assert base64.b64decode(opened["Plaintext"]) == b"from a file"
    assert "InvalidCiphertextException" in aws("kms", "decrypt", *blob, fails=True)
    moved = aws("kms", "re-encrypt", *blob, "--source-encryption-context", "a=b", "--destination-key-id", second)
    assert (moved["SourceKeyId"], moved["KeyId"]) == (first, second)
    data_key = aws("kms", "generate-data-key", "--key-id", first, "--key-spec", "AES_256")
    assert len(base64.b64decode(data_key["Plaintext"])) == 32
    without = aws("kms", "generate-data-key-without-plaintext", "--key-id", first, "--number-of-bytes", "64")
    assert "Plaintext" not in without
    assert len(base64.b64decode(aws("kms", "generate-random", "--number-of-bytes", "24")["Plaintext"])) == 24


def test_macs(aws, tmp_path):
    key = aws("kms", "create-key", "--key-spec", "HMAC_384", "--key-usage", "GENERATE_VERIFY_MAC")["KeyMetadata"][
        "KeyId"
    ]
    request = ("--key-id", key, "--message", "bWVzc2FnZQ==", "--mac-algorithm", "HMAC_SHA_384")
    mac = base64.b64decode(aws("kms", "generate-mac", *request)["Mac"])
    (tmp_path / "mac").write_bytes(mac)
    assert aws("kms", "verify-mac", *request, "--mac", f"fileb://{tmp_path}/mac")["MacValid"] is True
    (tmp_path / "mac").write_bytes(bytes(48))
    message = aws("kms", "verify-mac", *request, "--mac", f"fileb://{tmp_path}/mac", fails=True)
    assert "KMSInvalidMacException" in message


def test_identity(aws, cli_server):
    assert aws("sts", "get-caller-identity")["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/admin"
    aws("iam", "create-user", "--user-name", "cli")
    document = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:ListKeys","Resource":"*"}]}'
    policy = ("--user-name", "cli", "--policy-name", "small")
    aws("iam", "put-user-policy", *policy, "--policy-document", document)
    assert aws("iam", "get-user-policy", *policy)["PolicyDocument"] == json.loads(document)
    key = aws("iam", "create-access-key", "--user-name", "cli")["AccessKey"]
    environment = {
        **cli_server.client_environment(),
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }
    assert "Keys" in aws("kms", "list-keys", environment=environment)
    assert "AccessDeniedException" in aws("kms", "create-key", environment=environment, fails=True)
    (listed,) = aws("iam", "list-access-keys", "--user-name", "cli")["AccessKeyMetadata"]
    assert aws("iam", "get-user", "--user-name", "cli")["User"]["UserName"] == "cli"
    assert {user["UserName"] for user in aws("iam", "list-users")["Users"]} == {"admin", "cli"}
    aws("iam", "delete-access-key", "--user-name", "cli", "--access-key-id", listed["AccessKeyId"])
    aws("iam", "delete-user-policy", *policy)
    aws("iam", "delete-user", "--user-name", "cli")
    assert "NoSuchEntity" in aws("iam", "get-user", "--user-name", "cli", fails=True)


def test_our_own_api_by_its_model(aws, cli_server, tmp_path):
    """`aws configure add-model` as a newcomer would do it: no data path in the environment."""
    environment = {**cli_server.client_environment(), "HOME": str(tmp_path)}
    del environment["AWS_DATA_PATH"]
    model = MODELS / "claviger" / "2026-12-01" / "service-2.json"
    aws("configure", "add-model", "--service-model", f"file://{model}", environment=environment)
    made = aws("claviger", "create-account", "--name", "by the CLI", environment=environment)
    assert made["Account"]["Name"] == "by the CLI"
    version = aws("claviger", "rotate-domain-keys", environment=environment)["DomainKeyVersion"]
    assert aws("claviger", "rotate-domain-keys", environment=environment)["DomainKeyVersion"] == version + 1
    assert aws("claviger", "rotate-cluster-key", environment=environment)["ClusterKeyVersion"] >= 2


def test_the_credentials_file_is_enough(aws, cli_server):
    """The three lines that a newcomer pastes: credentials file, endpoint, Region."""
    environment = {
        name: value
        for name, value in cli_server.client_environment().items()
        if name not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    }
    environment["AWS_SHARED_CREDENTIALS_FILE"] = str(cli_server.data_dir / "credentials")
    assert aws("sts", "get-caller-identity", environment=environment)["Account"] == ACCOUNT


def test_the_printed_lines_work(cli_server):
    """Exactly what the server printed, pasted into a shell."""
    lines = [line.strip() for line in cli_server.log_text().splitlines() if line.strip().startswith("export ")]
    assert len(lines) == 3, cli_server.log_text()
    done = subprocess.run(
        ["sh", "-c", "\n".join([*lines, f"{sys.executable} -m awscli kms create-key"])],
        env={name: value for name, value in cli_server.client_environment().items() if not name.startswith("AWS_")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{lines}\n{done.stderr}"
