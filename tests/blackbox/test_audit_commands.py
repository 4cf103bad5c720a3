"""What an auditor does with a server's log: `claviger audit verify`, `pin`, `prove` and `check`.

The log is damaged, cut, exchanged and written anew in every way that its writer's machine allows.
"""

import base64
import hashlib
import os
import shutil
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from audit_log import decode, events
from claviger_server import Server, run_binary, wait_until

EVENTS = 300  # A full bundle and a partial one.


def audit(*arguments):
    done = run_binary("audit", *map(str, arguments))
    assert "panicked" not in done.stderr
    return done


def good(*arguments):
    done = audit(*arguments)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout


def bad(*arguments):
    """One line that says what is wrong."""
    done = audit(*arguments)
    assert done.returncode == 1 and done.stdout == "", done.stdout
    assert done.stderr.startswith("claviger: ") and done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def value(text, head):
    (found,) = [line[12:] for line in text.splitlines() if line.startswith(f"{head:12}")]
    return found


def make_events(server, count):
    """Commands of the admin, each of which leaves one event; returns when they are in the log."""
    kms, before = server.kms(), len(events(server.data_dir))
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    with ThreadPoolExecutor(16) as pool:
        tags = [[{"TagKey": "n", "TagValue": str(number)}] for number in range(count - 1)]
        list(pool.map(lambda tag: kms.tag_resource(KeyId=key, Tags=tag), tags))
    wait_until(lambda: len(events(server.data_dir)) >= before + count, 30, "the events")


def log_of(server):
    return server.data_dir / "audit"


def key_of(server):
    return (log_of(server) / "verifier-key").read_text().strip()


class Copy:
    """A log that a test may do anything to, and the key that its auditor has."""

    def __init__(self, log, key):
        self.log = log
        self.key = key
        self.size = int((log / "checkpoint").read_text().split("\n")[1])

    def verify(self, *arguments):
        return "verify", self.log, "--key", self.key, *arguments


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A log of more than a bundle, whose server has stopped."""
    server = Server(tmp_path_factory.mktemp("audited") / "data").start()
    make_events(server, EVENTS)
    assert server.terminate() == 0
    return server


@pytest.fixture
def copy(stopped, tmp_path):
    shutil.copytree(log_of(stopped), tmp_path / "audit")
    return Copy(tmp_path / "audit", key_of(stopped))


def test_a_log_verifies_and_only_grows(own_server, tmp_path):
    log, key, pin = log_of(own_server), key_of(own_server), tmp_path / "pin"
    make_events(own_server, 10)
    pinned = good("pin", log, pin, "--key", key)
    assert pin.read_text() == (log / "checkpoint").read_text()
    assert value(pinned, "SIZE") == pin.read_text().split("\n")[1]
    make_events(own_server, EVENTS)
    text = good("verify", log, "--key", key, "--pinned", pin)
    size = int(value(text, "SIZE"))
    origin, _, root = (log / "checkpoint").read_text().split("\n")[:3]
    assert size >= EVENTS + 10 and value(text, "ENTRIES") == f"{size} verified"
    assert value(text, "KEPT") == value(pinned, "KEPT") == "from entry 0 on"
    assert (value(text, "ORIGIN"), value(text, "ROOT")) == (origin, root)
    assert value(text, "KEY") == f"{key} (signs from entry 0 on; trusted)"
    assert text.startswith("the audit log is as it was logged\n")
    assert value(text, "LAST").endswith(f"Z (entry {size - 1})")
    first = f"size {value(pinned, 'SIZE')}, root {value(pinned, 'ROOT')}"
    assert value(text, "PINNED") == f"{first}: the log only grew since"
    again = good("pin", log, pin, "--key", key)
    assert value(again, "BEFORE") == value(text, "PINNED")
    assert pin.read_text() == (log / "checkpoint").read_text()
    assert own_server.terminate() == 0
    good("verify", log, "--key", key, "--pinned", pin)


def test_a_log_verifies_while_it_is_written(own_server, tmp_path):
    log, key, pin = log_of(own_server), key_of(own_server), tmp_path / "pin"
    with ThreadPoolExecutor(1) as pool:
        load = pool.submit(make_events, own_server, 600)
        sizes = set()
        while not load.done():
            sizes.add(int(value(good("pin", log, pin, "--key", key), "SIZE")))
            good("verify", log, "--key", key, "--pinned", pin)
        load.result()
    assert len(sizes) > 1, sizes


def test_the_key_beside_the_log_is_used_with_a_warning(copy):
    done = audit("verify", copy.log)
    assert done.returncode == 0
    assert "WARNING" in done.stderr and "proves nothing" in done.stderr
    assert value(done.stdout, "KEY").endswith("; taken from beside the log)")
    assert "fits the key that stands beside it\n" in done.stdout
    beside = copy.log / "verifier-key"
    beside.unlink()
    assert "--key" in bad("verify", copy.log)
    good(*copy.verify())
    beside.write_text("key\n")
    assert audit("verify", copy.log).returncode == 1
    beside.write_text(copy.key + "\n")
    good("verify", copy.log, "--key", beside)


def test_what_is_no_log_is_not_called_damaged(copy, tmp_path):
    assert "holds no audit log" in bad("verify", tmp_path, "--key", copy.key)
    assert "cannot read" in bad("verify", tmp_path / "absent", "--key", copy.key)
    assert "no verifier key" in bad("verify", copy.log, "--key", "absent")
    assert "cannot read" in bad("verify", copy.log, "--key", tmp_path)


def test_a_pipe_in_place_of_a_file_holds_nobody_up(copy, tmp_path):
    """Whoever writes to the log's directory could have kept its auditor waiting for ever."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for name in ["checkpoint", "keys/000", "tile/entries/000", "verifier-key"]:
        path = copy.log / name
        kept = path.read_bytes()
        path.unlink()
        os.mkfifo(path)
        given = [] if name == "verifier-key" else ["--key", copy.key]
        done = audit("verify", copy.log, *given)
        assert done.returncode == 1 and "no regular file" in done.stderr, (name, done.stderr)
        path.unlink()
        path.write_bytes(kept)
    assert "no regular file" in bad(*copy.verify("--pinned", pipe))
    assert "no regular file" in bad("check", pipe, "--key", copy.key)
    good(*copy.verify())


def flip(place):
    """Changes a byte."""

    def change(path):
        contents = bytearray(path.read_bytes())
        contents[place] ^= 1
        path.write_bytes(contents)

    return change


def change_signature(path):
    """Another letter of its base64."""
    contents = bytearray(path.read_bytes())
    contents[-10] = ord("B") if contents[-10] == ord("A") else ord("A")
    path.write_bytes(contents)


def cut(path):
    path.write_bytes(path.read_bytes()[:-1])


def remove(path):
    path.unlink()


def swap_entries(path):
    """The first two entries of a bundle in another order."""
    contents, entries = path.read_bytes(), []
    for _ in range(2):
        length = 2 + int.from_bytes(contents[:2], "big")
        entries.append(contents[:length])
        contents = contents[length:]
    assert entries[0] != entries[1]
    path.write_bytes(entries[1] + entries[0] + contents)


WIDEST = "widest"  # The partial file that the checkpoint speaks of.


@pytest.mark.parametrize(
    "name, damage, says",
    [
        ("checkpoint", flip(0), "is of another log"),
        ("checkpoint", change_signature, "is not signed"),
        ("checkpoint", cut, "is not a checkpoint"),
        ("checkpoint", remove, "is missing"),
        ("keys/000", flip(0), "does not introduce"),
        ("keys/000", change_signature, "does not introduce"),
        ("keys/000", cut, "does not introduce"),
        ("keys/000", remove, "is missing"),
        ("tile/entries/000", flip(2), "(entry 0)"),
        ("tile/entries/000", flip(-1), "(entry 255)"),
        ("tile/entries/000", swap_entries, "(entry 0)"),
        ("tile/entries/000", cut, "has not the form of an entry bundle"),
        ("tile/entries/000", remove, "is missing"),
        ("tile/entries/001.p/" + WIDEST, flip(2), "(entry 256)"),
        ("tile/entries/001.p/" + WIDEST, cut, "has not the form of an entry bundle"),
        ("tile/entries/001.p/" + WIDEST, remove, "is missing"),
        ("tile/0/000", flip(0), "does not have the hash"),
        ("tile/0/000", cut, "has not the length"),
        ("tile/0/000", remove, "is missing"),
        ("tile/0/001.p/" + WIDEST, flip(0), "does not have the hashes"),
        ("tile/0/001.p/" + WIDEST, remove, "is missing"),
        ("tile/1/000.p/1", flip(0), "does not have the hashes"),
        ("tile/1/000.p/1", remove, "is missing"),
    ],
)
def test_damage_is_found_and_named(copy, name, damage, says):
    name = name.replace(WIDEST, str(copy.size - 256))
    damage(copy.log / name)
    error = bad(*copy.verify())
    assert f"`{name}`" in error and says in error and "somebody changed it" in error, error
    assert f"`{name}`" in bad("pin", copy.log, copy.log.with_name("pin"), "--key", copy.key)
    assert not copy.log.with_name("pin").exists()


def test_another_key_is_not_trusted(copy, own_server):
    other = key_of(own_server)
    assert other in bad("verify", copy.log, "--key", other)


def test_history_written_anew_under_the_current_key_is_caught_by_a_pin(new_server, tmp_path):
    server, pin = new_server().start(), tmp_path / "pin"
    key = key_of(server)
    make_events(server, 5)
    assert server.terminate() == 0
    shutil.copytree(server.data_dir, tmp_path / "earlier")
    server.start()
    make_events(server, 5)
    good("pin", log_of(server), pin, "--key", key)
    kept = pin.read_bytes()
    assert server.terminate() == 0
    # The hostile operator goes back to before, and lets the same key sign another history.
    shutil.rmtree(server.data_dir)
    shutil.copytree(tmp_path / "earlier", server.data_dir)
    arguments = log_of(server), "--key", key
    good("verify", *arguments)
    assert "the log is shorter" in bad("verify", *arguments, "--pinned", pin)
    server.start()
    make_events(server, 20)
    good("verify", *arguments)
    for command in [["verify", *arguments, "--pinned", pin], ["pin", log_of(server), pin, "--key", key]]:
        error = bad(*command)
        assert "does not continue the pinned checkpoint" in error and "written anew" in error, error
    assert pin.read_bytes() == kept


def test_a_pin_is_kept_elsewhere_and_replaces_nothing_else(copy, own_server, tmp_path):
    pin = tmp_path / "pin"
    assert "own directory" in bad("pin", copy.log, copy.log / "pin", "--key", copy.key)
    pin.write_text("a letter\n")
    assert "no pinned checkpoint" in bad("pin", copy.log, pin, "--key", copy.key)
    assert pin.read_text() == "a letter\n"
    assert "no pinned checkpoint" in bad(*copy.verify("--pinned", pin))
    assert "cannot read" in bad(*copy.verify("--pinned", tmp_path / "absent"))
    shutil.copy(log_of(own_server) / "checkpoint", pin)
    assert "of another log" in bad(*copy.verify("--pinned", pin))
    assert "of another log" in bad("pin", copy.log, pin, "--key", copy.key)
    shutil.copy(copy.log / "checkpoint", pin)
    change_signature(pin)
    assert "not signed" in bad(*copy.verify("--pinned", pin))


def event_id(origin, index):
    """RFC 9562, section 5.8: the entry's place, copy 0, the first bits of the origin's SHA-256."""
    log = int.from_bytes(hashlib.sha256(origin.encode()).digest()[:8], "big") >> 2
    return str(uuid.UUID(int=index << 80 | 8 << 76 | 2 << 62 | log))


def test_one_event_is_proved_without_the_log(stopped, tmp_path):
    log, key, proof = log_of(stopped), key_of(stopped), tmp_path / "proof"
    origin, size, root = (log / "checkpoint").read_text().split("\n")[:3]
    for index in [0, 255, 256, int(size) - 1]:
        text = good("prove", log, index, "--key", key)
        assert good("prove", log, event_id(origin, index), "--key", key) == text
        assert good("prove", log, index, "--key", key, "-o", proof) == ""
        assert proof.read_text() == text
        shown = good("check", proof, "--key", key)
        assert value(shown, "INDEX") == str(index)
        assert (value(shown, "ORIGIN"), value(shown, "SIZE"), value(shown, "ROOT")) == (origin, size, root)
        assert value(shown, "EVENT ID") == event_id(origin, index)
        entry = events(stopped.data_dir)[index]
        told = decode(entry)
        assert (value(shown, "OPERATION"), value(shown, "REQUEST ID")) == (told["action"], told["id"])
        (tmp_path / "entry").write_bytes(entry)
        assert good("check", proof, "--key", key, "--entry", tmp_path / "entry") == shown


def test_what_cannot_be_proved(copy):
    assert "which has" in bad("prove", copy.log, copy.size, "--key", copy.key)
    assert "another log" in bad("prove", copy.log, event_id("claviger/other", 0), "--key", copy.key)
    flip(2)(copy.log / "tile/entries/000")
    assert "(entry 0)" in bad("prove", copy.log, 0, "--key", copy.key)


def test_an_edited_proof_proves_nothing(stopped, own_server, tmp_path):
    log, key, proof = log_of(stopped), key_of(stopped), tmp_path / "proof"
    text = good("prove", log, 7, "--key", key)
    lines = text.split("\n")
    entry = base64.b64decode(lines[1].removeprefix("extra "))
    other = base64.b64encode(bytes([*entry[:-1], entry[-1] ^ 1])).decode()
    origin, size, root = lines[lines.index("") + 1 :][:3]
    hash_of_other = base64.b64encode(bytes(32)).decode()
    for old, new, says in [
        (lines[1], "extra " + other, "not in the log"),
        ("index 7", "index 8", "not in the log"),
        (lines[3], hash_of_other, "not in the log"),
        (lines[3] + "\n", "", "not in the log"),
        (f"\n{size}\n", f"\n{int(size) + 1}\n", "signature is wrong"),
        (root, hash_of_other, "signature is wrong"),
        (f"\n{origin}\n", "\nclaviger/other\n", "no known key"),
        ("@v1", "@v2", "not a proof"),
        (lines[1] + "\n", "", "comes without the entry"),
    ]:
        assert old in text
        proof.write_text(text.replace(old, new, 1))
        assert says in bad("check", proof, "--key", key), new
    proof.write_text(text)
    good("check", proof, "--key", key)
    assert "no known key" in bad("check", proof, "--key", key_of(own_server))
    (tmp_path / "entry").write_bytes(entry + b"\0")
    assert "not in the log" in bad("check", proof, "--key", key, "--entry", tmp_path / "entry")
    # A good proof of another log.
    make_events(own_server, 2)
    good("prove", log_of(own_server), 0, "--key", key_of(own_server), "-o", proof)
    assert "no known key" in bad("check", proof, "--key", key)
