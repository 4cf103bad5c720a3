"""The example encrypts and decrypts files of any size, and refuses what was tampered with."""

import os
import subprocess
import sys

import pytest

from claviger_server import ROOT

CHUNK = 1 << 20


@pytest.fixture
def envelope(server):
    def run(*arguments):
        return subprocess.run(
            [sys.executable, str(ROOT / "examples" / "envelope.py"), *map(str, arguments)],
            env=server.client_environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 5 * CHUNK + 12345])
def test_round_trip(envelope, shared_key, tmp_path, size):
    plain, sealed, opened = tmp_path / "plain", tmp_path / "sealed", tmp_path / "opened"
    plain.write_bytes(os.urandom(size))
    for done in [envelope("encrypt", shared_key["Arn"], plain, sealed), envelope("decrypt", sealed, opened)]:
        assert done.returncode == 0, done.stderr
    assert opened.read_bytes() == plain.read_bytes()
    assert size < 16 or plain.read_bytes()[:16] not in sealed.read_bytes()


def dropped_last_chunk(sealed):
    return sealed[: -(100 + 16)]


def swapped_chunks(sealed):
    body = len(sealed) - 2 * (CHUNK + 16) - (100 + 16)
    first, second = sealed[body : body + CHUNK + 16], sealed[body + CHUNK + 16 : body + 2 * (CHUNK + 16)]
    return sealed[:body] + second + first + sealed[body + 2 * (CHUNK + 16) :]


def flipped_bit(sealed):
    return sealed[:-1] + bytes([sealed[-1] ^ 1])


def flipped_header(sealed):
    return sealed[:60] + bytes([sealed[60] ^ 1]) + sealed[61:]


def appended(sealed):
    return sealed + b"\0"


@pytest.mark.parametrize("tamper", [appended, dropped_last_chunk, flipped_bit, flipped_header, swapped_chunks])
def test_tampered(envelope, shared_key, tmp_path, tamper):
    plain, sealed, opened = tmp_path / "plain", tmp_path / "sealed", tmp_path / "opened"
    plain.write_bytes(os.urandom(2 * CHUNK + 100))
    assert envelope("encrypt", shared_key["Arn"], plain, sealed).returncode == 0
    sealed.write_bytes(tamper(sealed.read_bytes()))
    done = envelope("decrypt", sealed, opened)
    assert done.returncode != 0, done
    assert not opened.exists(), "half a file was left under the name"
