"""A full disk at commit: the right error, nothing lost, and it works again once there is space.

On a small file system of its own where one can be mounted; everywhere by the limit of a file's size, which fails the
same write in the same place.
"""

import resource
import signal
import subprocess
from collections import Counter

import pytest
from botocore.exceptions import ClientError

from audit_log import decoded
from claviger_server import run_binary, wait_until


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MiB, and a ballast file's path that fills it."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(mounted)], capture_output=True, text=True, check=False
    )
    if mount.returncode:
        pytest.skip(f"NOT RUN: mounting a small file system needs root ({mount.stderr.strip()})")
    yield mounted
    subprocess.run(["umount", "--lazy", str(mounted)], check=True)


def write_until_refused(kms, answered):
    """Creates keys with long descriptions until the disk is full; returns the acknowledged ids and the error."""
    made = []
    for number in range(20_000):
        try:
            made.append(create(kms, answered, f"{number}:" + "x" * 8000))
        except ClientError as error:
            return made, error
    raise AssertionError("the disk never got full")


def create(kms, answered, description):
    reply = kms.create_key(Description=description)
    answered.append(reply["ResponseMetadata"]["RequestId"])
    return reply["KeyMetadata"]["KeyId"]


def check_refusal(error):
    assert error.response["Error"]["Code"] == "KMSInternalException", error
    assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 500


def present(kms):
    return {entry["KeyId"] for page in kms.get_paginator("list_keys").paginate() for entry in page["Keys"]}


def check_full_then_free(server, fill, free, log_is_full):
    kms = server.kms()
    answered = []
    first = kms.create_key()["KeyMetadata"]["KeyId"]
    blob = kms.encrypt(KeyId=first, Plaintext=b"x")["CiphertextBlob"]
    fill()
    made, error = write_until_refused(kms, answered)
    check_refusal(error)
    for _ in range(3):
        with pytest.raises(ClientError) as caught:
            for _ in range(200):
                made.append(create(kms, answered, "y" * 8000))
        check_refusal(caught.value)
    try:
        reply = kms.decrypt(CiphertextBlob=blob)
        answered.append(reply["ResponseMetadata"]["RequestId"])
        assert reply["Plaintext"] == b"x"
    except ClientError as error:
        # What cannot be recorded is not done.
        assert log_is_full, "reads and uses go on"
        check_refusal(error)
    free()
    wait_until(server.healthy, 30, "the audit log to be written again")
    after = [create(kms, answered, "after") for _ in range(5)]
    wanted = {first, *made, *after}
    assert wanted <= present(kms)
    before = present(kms)
    server.restart()
    assert present(server.kms()) == before
    assert server.kms().decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    assert "panicked" not in server.log_text()
    recorded = Counter(event["id"] for event in decoded(server.data_dir))
    assert {recorded[answer] for answer in answered} == {1}, "what was answered is in the log, once"
    assert server.terminate() == 0
    examined = run_binary("doctor", "--data-dir", str(server.data_dir))
    assert examined.returncode == 0, examined


def test_a_full_file_system(new_server, small_disk):
    server = new_server()
    server.data_dir = small_disk / "data"
    server.start()
    ballast = small_disk / "ballast"

    def fill():
        with open(ballast, "wb", buffering=0) as file:
            try:
                while file.write(b"\0" * 4096):
                    pass
            except OSError:
                pass

    try:
        check_full_then_free(server, fill, ballast.unlink, log_is_full=True)
    finally:
        server.stop()


def test_a_file_at_its_largest_size(new_server):
    """The server's own limit is set while it runs, and lifted again."""

    def ignore_the_signal():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    server = new_server(preexec=ignore_the_signal).start()
    largest = max(path.stat().st_size for path in server.data_dir.rglob("*") if path.is_file())

    def limit(size):
        hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)[1]
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hard))

    check_full_then_free(server, lambda: limit(largest), lambda: limit(resource.RLIM_INFINITY), log_is_full=False)
