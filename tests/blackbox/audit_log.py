"""Reads the audit log by the layout that docs/audit-log.md and docs/formats.md give, with code of its own.

An entry of a bundle is `length 2 | event`; an event is `kind 1 | version 1 | CBOR`.
"""

import base64
import hashlib
import struct
import uuid

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ENTRIES_PER_BUNDLE = 256


def events(data_dir):
    """Every entry that the checkpoint speaks of and that was not pruned."""
    folder = data_dir / "audit"
    while True:
        try:
            size = int((folder / "checkpoint").read_text().split("\n")[1])
            bundles = range(kept_from(data_dir) // ENTRIES_PER_BUNDLE, -(-size // ENTRIES_PER_BUNDLE))
            return [event for index in bundles for event in bundle(folder, index, size)]
        except FileNotFoundError:
            if not (folder / "checkpoint").exists():
                return []
            # The partial bundle was replaced by a wider one meanwhile, or the first ones were pruned.


def kept_from(data_dir):
    """The first entry that was not pruned."""
    marker = data_dir / "audit" / "pruned"
    return int(marker.read_text().split("\n")[2]) if marker.exists() else 0


def bundle(folder, index, size):
    width = min(size - index * ENTRIES_PER_BUNDLE, ENTRIES_PER_BUNDLE)
    path = folder / "tile" / "entries" / path_of(index)
    full = width == ENTRIES_PER_BUNDLE or path.is_file()
    contents = path.read_bytes() if full else (path.with_name(path.name + ".p") / str(width)).read_bytes()
    found = []
    while contents and len(found) < width:
        (length,) = struct.unpack(">H", contents[:2])
        found.append(contents[2 : 2 + length])
        contents = contents[2 + length :]
    assert len(found) == width, f"bundle {index} has {len(found)} entries of {width}"
    return found


def path_of(index):
    """Groups of three digits, all but the last behind an x."""
    groups = [f"{index % 1000:03}"]
    while index >= 1000:
        index //= 1000
        groups.insert(0, f"x{index % 1000:03}")
    return "/".join(groups)


def verify(data_dir):
    """The checkpoint is signed by the published key, and its root is that of all entries: their number."""
    text, signature = (data_dir / "audit" / "checkpoint").read_text().split("\n\n")
    name, key_id, key = (data_dir / "audit" / "verifier-key").read_text().strip().split("+", 2)
    origin, size, root = text.split("\n")
    assert origin == name
    dash, signer, signed = signature.split()
    assert (dash, signer) == ("\u2014", name)
    signed = base64.b64decode(signed)
    assert signed[:4].hex() == key_id
    public_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:])
    public_key.verify(signed[4:], text.encode() + b"\n")
    entries = events(data_dir)
    assert len(entries) == int(size)
    assert root_of([hashlib.sha256(b"\0" + entry).digest() for entry in entries]) == base64.b64decode(root)
    return len(entries)


def root_of(hashes):
    """Source: RFC 6962, section 2.1."""
    if len(hashes) < 2:
        return hashes[0] if hashes else hashlib.sha256().digest()
    left = 1 << (len(hashes) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(hashes[:left]) + root_of(hashes[left:])).digest()


FIELDS = [
    "kind", "at", "id", "service", "operation", "account", "region", "caller", "source_ip", "user_agent", "tls",
    "parameters", "keys", "resources", "error", "response", "requests", "read_only",
]  # fmt: skip
CALLER = ["kind", "path", "name", "id", "access_key_id", "session_name", "session", "environment", "application"]
KEY = ["account", "id", "multi_region", "addressed", "material"]
KINDS = ["call", "job", "unauthenticated", "unauthenticated many"]


def decoded(data_dir):
    """Every event as a dictionary, whose `action` is such as `kms:CreateKey`."""
    return [decode(event) for event in events(data_dir)]


def decode(event):
    assert event[:2] == b"\x0a\x02", event[:2]
    values, rest = item(event[2:])
    assert not rest
    told = named(FIELDS, values)
    told["kind"] = KINDS[told["kind"]]
    told["id"] = str(uuid.UUID(bytes=told["id"]))
    told["action"] = f"{told['service']}:{told['operation']}"
    told["caller"] = told["caller"] and named(CALLER, told["caller"])
    told["keys"] = [named(KEY, key) for key in told["keys"]]
    told["key_ids"] = [str(uuid.UUID(bytes=key["id"])) for key in told["keys"]]
    told["error"] = told["error"] and told["error"][0]
    return told


def named(names, values):
    """An array without its last members has none of them."""
    return dict(zip(names, values + [None] * (len(names) - len(values)), strict=True))


def item(data):
    """One CBOR item (RFC 8949) and what follows it; of the types, those that an event has."""
    major, argument, data = data[0] >> 5, data[0] & 31, data[1:]
    if major == 7:
        simple = {20: False, 21: True, 22: None, 23: None}
        return (struct.unpack(">d", data[:8])[0], data[8:]) if argument == 27 else (simple[argument], data)
    if argument >= 24:
        width = 1 << (argument - 24)
        argument, data = int.from_bytes(data[:width]), data[width:]
    if major == 0:
        return argument, data
    if major == 1:
        return -1 - argument, data
    if major in (2, 3):
        content = data[:argument]
        return content if major == 2 else content.decode(), data[argument:]
    values = []
    for _ in range(argument * (2 if major == 5 else 1)):
        value, data = item(data)
        values.append(value)
    return (dict(zip(values[::2], values[1::2], strict=True)) if major == 5 else values), data


def count(found, action, error=None):
    """How many events tell of this action with this outcome."""
    return sum((event["action"], event["error"]) == (action, error) for event in found)
