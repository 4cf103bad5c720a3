"""The data directory: one server at a time, what is damaged is named and refused, and `claviger doctor` finds it."""

import os
import random
import shutil
import stat

import pytest

from claviger_server import ACCOUNT, run_binary

CREDENTIALS = f"""[default]
aws_access_key_id = AKIA{"Z" * 16}
aws_secret_access_key = {"z" * 40}
aws_account_id = 999988887777
"""


def test_a_new_directory(own_server):
    profile = own_server.profile()
    assert profile["aws_account_id"] == ACCOUNT
    assert profile["aws_access_key_id"].startswith("AKIA") and len(profile["aws_secret_access_key"]) == 40
    assert stat.S_IMODE((own_server.data_dir / "credentials").stat().st_mode) == 0o600
    who = own_server.client("sts").get_caller_identity()
    assert who["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/admin"


def test_given_credentials_are_used(new_server):
    server = new_server()
    server.data_dir.mkdir()
    (server.data_dir / "credentials").write_text(CREDENTIALS)
    server.start()
    assert (server.data_dir / "credentials").read_text() == CREDENTIALS
    assert server.client("sts").get_caller_identity()["Arn"] == "arn:aws:iam::999988887777:user/admin"
    assert server.kms().create_key()["KeyMetadata"]["AWSAccountId"] == "999988887777"


def test_the_credentials_stay_over_a_restart(own_server):
    before = own_server.profile()
    own_server.restart()
    assert own_server.profile() == before
    assert own_server.client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_no_file_is_for_others(own_server):
    own_server.kms().create_key()
    for path in own_server.data_dir.rglob("*"):
        if path.is_file() and path.name != "ca.pem":
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_no_secret_is_stored_in_the_clear(own_server):
    """Neither secret access keys nor plaintexts occur in any file but the credentials file."""
    kms = own_server.kms()
    secret = own_server.create_user("user").secret.encode()
    plaintext = b"a plaintext that must not be stored"
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.encrypt(KeyId=key, Plaintext=plaintext)
    own_server.terminate()
    for path in own_server.data_dir.rglob("*"):
        if path.is_file() and path.name != "credentials":
            contents = path.read_bytes()
            for canary in [secret, plaintext, own_server.profile()["aws_secret_access_key"].encode()]:
                assert canary not in contents, path
    assert secret.decode() not in own_server.log_text() and plaintext.decode() not in own_server.log_text()


def check_refused(server, *words):
    """The server exits by itself and says in words what is wrong; it does not panic."""
    server.launch()
    status = server.process.wait(timeout=60)
    log = server.log_text()
    assert status not in (0, 101), f"exit status {status}:\n{log}"
    assert status > 0, f"ended by signal {-status}:\n{log}"
    assert "panicked" not in log, log
    for word in words:
        assert str(word) in log, f"{word!r} is missing in:\n{log}"


def test_two_servers_on_one_directory(own_server, new_server):
    second = new_server(name="second")
    second.data_dir = own_server.data_dir
    check_refused(second, own_server.data_dir)
    assert own_server.kms().create_key()["KeyMetadata"]["Enabled"]
    own_server.terminate()
    second.start()
    assert second.kms().list_keys()["Keys"]


@pytest.fixture
def filled(new_server):
    """A stopped server with some records, and its store: the largest file."""
    server = new_server().start()
    kms = server.kms()
    for number in range(30):
        key = kms.create_key(Description="d" * 2000)["KeyMetadata"]["KeyId"]
        kms.create_alias(AliasName=f"alias/{number}", TargetKeyId=key)
    assert server.terminate() == 0
    server.log.unlink()
    return server, max(
        (path for path in server.data_dir.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )


def test_doctor_on_a_sound_directory(filled):
    server, _ = filled
    done = run_binary("doctor", "--data-dir", str(server.data_dir))
    assert done.returncode == 0, done
    assert "30 keys" in done.stdout, done


def test_doctor_on_a_directory_in_use(own_server):
    done = run_binary("doctor", "--data-dir", str(own_server.data_dir))
    assert done.returncode != 0 and str(own_server.data_dir) in done.stderr, done


def test_doctor_on_nothing(tmp_path):
    done = run_binary("doctor", "--data-dir", str(tmp_path / "missing"))
    assert done.returncode not in (0, 101) and str(tmp_path / "missing") in done.stderr, done


def truncated(contents):
    return contents[: len(contents) // 2]


def emptied(_):
    return b""


def without_header(contents):
    return b"\0" * 4096 + contents[4096:]


def noise(contents):
    return random.Random(1).randbytes(len(contents))


def foreign(_):
    return b"SQLite format 3\0" + b"\0" * 8192


@pytest.mark.parametrize("damage", [truncated, emptied, without_header, noise, foreign])
def test_a_damaged_store(filled, damage):
    server, store = filled
    store.write_bytes(damage(store.read_bytes()))
    check_refused(server, store)
    done = run_binary("doctor", "--data-dir", str(server.data_dir))
    assert done.returncode not in (0, 101) and "panicked" not in done.stderr, done


def test_damaged_pages(filled):
    """Each page zeroed in turn: the server names the damage and exits, or serves every record whole."""
    server, store = filled
    sound = store.read_bytes()
    dice = random.Random(3)
    places = dice.sample(range(1, len(sound) // 4096), min(12, len(sound) // 4096 - 1))
    for page in places:
        if not any(sound[page * 4096 : (page + 1) * 4096]):
            continue
        store.write_bytes(sound[: page * 4096] + b"\0" * 4096 + sound[(page + 1) * 4096 :])
        server.launch()
        try:
            while not server.answers_or_exited():
                pass
            if server.process.poll() is None:
                keys = server.kms().list_keys()["Keys"]
                assert len(keys) == 30, f"page {page}: records vanished in silence"
            else:
                assert server.process.returncode not in (0, 101), f"page {page}:\n{server.log_tail()}"
        finally:
            server.stop()
        assert "panicked" not in server.log_text(), f"page {page}:\n{server.log_tail()}"
        store.write_bytes(sound)


def root_file(server):
    """The file root of trust: the small file that is neither credentials nor store."""
    (found,) = [path for path in server.data_dir.rglob("*") if path.is_file() and "root" in path.name]
    return found


def test_root_readable_by_others(filled):
    server, _ = filled
    root = root_file(server)
    for mode in [0o640, 0o604, 0o620]:
        os.chmod(root, mode)
        check_refused(server, root)
    os.chmod(root, 0o600)
    server.start()


def test_root_missing_damaged_or_anothers(filled, new_server):
    server, _ = filled
    root = root_file(server)
    sound = root.read_bytes()
    root.unlink()
    check_refused(server, root)
    for damaged in [b"", sound[:-2], bytes([*sound[:-3], sound[-3] ^ 1, *sound[-2:]])]:
        root.write_bytes(damaged)
        os.chmod(root, 0o600)
        check_refused(server, root)
    other = new_server(name="other").start()
    other.terminate()
    shutil.copy(root_file(other), root)
    check_refused(server, root)
    root.write_bytes(sound)
    server.start()


def test_a_directory_that_cannot_be_made(new_server, tmp_path):
    server = new_server()
    (tmp_path / "file").write_text("")
    server.data_dir = tmp_path / "file" / "data"
    server.log = tmp_path / "data.log"
    check_refused(server, server.data_dir)
