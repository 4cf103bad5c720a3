"""`claviger init` and `serve` without --dev: root apart from the data, TLS or loopback, no dev ciphertexts."""

import re
import shutil
import stat

import pytest

from claviger_server import Credentials, run_binary
from refusals import refused

ACCESS_KEY = re.compile(r"\bAKIA[A-Z2-7]{16}\b")


def init(data_dir, root_file, *more):
    return run_binary("init", "--data-dir", str(data_dir), "--root-file", str(root_file), *more)


@pytest.fixture
def deployment(tmp_path, new_server):
    """An initialised deployment: its server, not yet started, and its first admin."""
    (tmp_path / "secrets").mkdir()
    root = tmp_path / "secrets" / "root"
    done = init(tmp_path / "data", root)
    assert done.returncode == 0, done
    server = new_server("--root-file", str(root), command=["serve"])
    access_key_id = ACCESS_KEY.search(done.stdout)[0]
    secret = re.search(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])", done.stdout)[0]
    return server, Credentials(access_key_id, secret), root


def test_init(deployment):
    server, admin, root = deployment
    assert stat.S_IMODE(root.stat().st_mode) == 0o600
    for path in server.data_dir.rglob("*"):
        if path.is_file():
            assert admin.secret.encode() not in path.read_bytes(), f"{path} holds the secret, which is shown once"
    again = init(server.data_dir, root)
    assert again.returncode not in (0, 101) and str(server.data_dir) in again.stderr, again


def test_the_root_stays_outside(tmp_path):
    """Else every copy of the directory would be a copy of all keys."""
    done = init(tmp_path / "data", tmp_path / "data" / "root")
    assert done.returncode not in (0, 101), done


def test_serve_on_loopback(deployment):
    server, admin, _ = deployment
    server.start()
    assert server.client("sts", admin).get_caller_identity()["Arn"].endswith(":user/admin")
    kms = server.kms(admin)
    key = kms.create_key()["KeyMetadata"]
    blob = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert server.terminate() == 0
    server.start()
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_plain_http_on_other_addresses_is_refused(deployment):
    server, _, root = deployment
    done = run_binary(
        "serve", "--data-dir", str(server.data_dir), "--root-file", str(root), "--listen", "0.0.0.0:0", timeout=30
    )
    assert done.returncode not in (0, 101) and "TLS" in done.stdout + done.stderr, done


def test_dev_is_loopback_only(tmp_path):
    done = run_binary("serve", "--dev", "--data-dir", str(tmp_path / "data"), "--listen", "0.0.0.0:0", timeout=30)
    assert done.returncode not in (0, 101) and "loopback" in done.stdout + done.stderr, done


def test_development_ciphertexts_are_refused(deployment, kms, shared_key):
    """And the other way round: the version byte tells them apart."""
    server, admin, _ = deployment
    server.start()
    production = server.kms(admin)
    dev_blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    key = production.create_key()["KeyMetadata"]["KeyId"]
    blob = production.encrypt(KeyId=key, Plaintext=b"x")["CiphertextBlob"]
    assert blob[0] != dev_blob[0]
    for client, foreign, own in [(production, dev_blob, blob), (kms, blob, dev_blob)]:
        relabelled = own[:1] + foreign[1:]
        for sealed in [foreign, relabelled, foreign[:1] + own[1:]]:
            with refused(("AccessDeniedException", "InvalidCiphertextException")):
                client.decrypt(CiphertextBlob=sealed)


def test_a_development_directory_is_not_served_without_dev(own_server, new_server):
    own_server.terminate()
    root = next(path for path in own_server.data_dir.rglob("*") if "root" in path.name)
    server = new_server("--root-file", str(root), command=["serve"], name="again")
    server.data_dir = own_server.data_dir
    server.launch()
    assert server.process.wait(timeout=60) not in (0, 101), server.log_text()
    assert "dev" in server.log_text()


def test_a_production_directory_is_not_served_with_dev(deployment, new_server):
    server, _, _ = deployment
    dev = new_server(name="dev")
    dev.data_dir = server.data_dir
    dev.launch()
    assert dev.process.wait(timeout=60) not in (0, 101), dev.log_text()


def test_accounts_choose_no_access_key_without_dev(deployment):
    server, admin, _ = deployment
    server.start()
    chosen = ["--access-key-id", "AKIA" + "Q" * 16, "--secret-access-key", "q" * 40]
    done = server.run("account", "create", "--name", "second", "--output", "json", *chosen, credentials=admin)
    assert done.returncode not in (0, 101), done
    done = server.run("account", "create", "--name", "second", "--output", "json", credentials=admin)
    assert done.returncode == 0, done


def test_serve_without_its_root(deployment):
    server, _, root = deployment
    shutil.move(root, str(root) + ".away")
    server.launch()
    assert server.process.wait(timeout=60) not in (0, 101), server.log_text()
    assert str(root) in server.log_text()


def test_quotas_are_configured(new_server):
    server = new_server(environment={"CLAVIGER_KEYS_PER_ACCOUNT_AND_REGION": "2"}).start()
    made = [server.kms().create_key() for _ in range(2)]
    with refused("LimitExceededException"):
        server.kms().create_key()
    # Of each Region, and a key that waits for its deletion counts still.
    server.kms(region="eu-west-1").create_key()
    server.kms().schedule_key_deletion(KeyId=made[0]["KeyMetadata"]["KeyId"])
    with refused("LimitExceededException"):
        server.kms().create_key()
    server.stop()
    server.environment["CLAVIGER_KEYS_PER_ACCOUNT_AND_REGION"] = "3"
    server.start()
    server.kms().create_key()
    with refused("LimitExceededException"):
        server.kms().create_key()
