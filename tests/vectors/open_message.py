#!/usr/bin/env python3
"""Opens the vectors in docs/test-vectors/ with nothing but docs/message-format.md as its guide.

It shares no code with the service: HMAC comes from Python's library, AES-GCM from the package `cryptography`, and
both key derivations are written out here. Every good vector must open to what it says, every bad one must be
refused; else the exit status is 1.
"""

import hashlib
import hmac
import json
import pathlib
import string
import struct
import sys
import uuid

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

VECTORS = pathlib.Path(__file__).resolve().parents[2] / "docs" / "test-vectors"
VERSIONS = {"production": 0xC1, "development": 0xD1}


class Refused(Exception):
    """The bytes are not what they should be."""


def require(condition):
    if not condition:
        raise Refused


def hmac_sha256(key, message):
    return hmac.new(key, message, hashlib.sha256).digest()


def kbkdf(key, before_length, length):
    """SP 800-108, counter mode: a 32-bit counter before the fixed info, which ends with the length in bits."""
    fixed_info = before_length + struct.pack(">I", length * 8)
    blocks = -(-length // 32)
    return b"".join(hmac_sha256(key, struct.pack(">I", i + 1) + fixed_info) for i in range(blocks))[:length]


def derive_key(key, label):
    return kbkdf(key, label.encode() + b"\0", 32)


def hkdf_32(input_key_material, info):
    """RFC 5869 without a salt; one block is enough for 32 bytes."""
    return hmac_sha256(hmac_sha256(bytes(32), input_key_material), info + b"\1")


def open_gcm(key, iv, sealed, aad):
    require(len(sealed) >= 16)
    try:
        return AESGCM(key).decrypt(iv, sealed, aad)
    except InvalidTag:
        raise Refused from None


def parse_key_id(text):
    """Whether it is a multi-Region key's, and the 16 bytes."""
    return text.startswith("mrk-"), uuid.UUID(text.removeprefix("mrk-")).bytes


def key_material_id(material, key_id):
    return hmac_sha256(hkdf_32(material, b"claviger/v1/key material id"), key_id)


def canonical(context):
    pairs = sorted((name.encode(), value.encode()) for name, value in context)
    parts = [struct.pack(">H", len(pairs))]
    for text in (text for pair in pairs for text in pair):
        parts += [struct.pack(">I", len(text)), text]
    return b"".join(parts)


def open_message(vector):
    blob = bytes.fromhex(vector["ciphertext"])
    material = bytes.fromhex(vector["backing_key"])
    multi_region, key_id = parse_key_id(vector["key_id"])
    backing_key_id = bytes.fromhex(vector["key_material_id"])[:16]
    if key_material_id(material, key_id).hex() != vector["key_material_id"]:
        sys.exit(f"{vector['name']}: wrong key material id")

    require(len(blob) >= 111)
    header = blob[:95]
    version, suite, flags, in_key_id, in_backing_key_id, n, commitment, iv = struct.unpack(
        ">BBB16s16s16s32s12s", header
    )
    require((version, suite, flags) == (VERSIONS[vector["deployment"]], 1, int(multi_region)))
    require((in_key_id, in_backing_key_id) == (key_id, backing_key_id))
    derived = kbkdf(material, b"claviger/v1/message\0\1" + key_id + backing_key_id + n, 64)
    require(hmac.compare_digest(derived[32:], commitment))
    return open_gcm(derived[:32], iv, blob[95:], header + canonical(vector["encryption_context"]))


def fields(*values):
    """Each after its length in one byte."""
    return b"".join(bytes([len(value)]) + value for value in values)


def unwrap(key, wrapped, wrapping_version, *place):
    require(len(wrapped) >= 33 and wrapped[:5] == struct.pack(">BI", 1, wrapping_version))
    return open_gcm(key, wrapped[5:17], wrapped[17:], wrapped[:5] + fields(*place))


def open_root(text):
    """The key of a root of trust's file, and its check."""
    title, key, check, end = text.split("\n")
    key = bytes.fromhex(key.removeprefix("key "))
    own_check = derive_key(key, "claviger/v1/root/check")[:16]
    require(title == "claviger root of trust, version 1" and end == "" and check == "check " + own_check.hex())
    return key, own_check


def open_cluster_key(root_file, version, wrapped):
    root, check = open_root(root_file)
    require(wrapped[0] == 1 and wrapped[1:17] == check)
    aad = b"claviger/v1/cluster key\0" + struct.pack(">I", version)
    return open_gcm(derive_key(root, "claviger/v1/root/wrap"), wrapped[17:29], wrapped[29:], aad)


def scope(vector):
    return struct.pack(">Q", int(vector["account"])), vector["region"].encode()


def open_domain_key(vector, wrapped, cluster_key, cluster_version):
    key = derive_key(cluster_key, "claviger/v1/cluster/wrap")
    return unwrap(key, wrapped, cluster_version, b"domain key", *scope(vector), struct.pack(">I", vector["version"]))


def open_backing_key(vector, wrapped):
    multi_region, key_id = parse_key_id(vector["key_id"])
    material_id = bytes.fromhex(vector["key_material_id"])
    place = [bytes([multi_region]), key_id, material_id, vector["key_spec"].encode(), vector["key_usage"].encode()]
    domain_key = bytes.fromhex(vector["domain_key"])
    material = unwrap(domain_key, wrapped, vector["version"], b"backing key", *scope(vector), *place)
    require(key_material_id(material, key_id) == material_id)
    return material


def open_secret_access_key(vector, wrapped):
    place = [b"secret access key", *scope(vector), vector["access_key_id"].encode()]
    return unwrap(bytes.fromhex(vector["domain_key"]), wrapped, vector["version"], *place)


def open_sealed(token_key, version, sealed, place):
    require(len(sealed) >= 37 and sealed[:5] == struct.pack(">BI", 1, version))
    derived = kbkdf(token_key, b"claviger/v1/token\0" + sealed[5:21], 44)
    return open_gcm(derived[:32], derived[32:], sealed[21:], sealed[:21] + place)


def open_token(vector, wrapped, cluster_key, cluster_version):
    token_key = derive_key(cluster_key, "claviger/v1/token/" + vector["purpose"])
    return open_sealed(token_key, cluster_version, wrapped, bytes.fromhex(vector["aad"]))


def open_versioned_key(kind, vector, wrapped, cluster_key, cluster_version):
    key = derive_key(cluster_key, "claviger/v1/cluster/wrap")
    return unwrap(key, wrapped, cluster_version, kind, struct.pack(">I", vector["version"]))


def open_session_token(vector, wrapped):
    token_key = derive_key(bytes.fromhex(vector["session_key"]), "claviger/v1/session/token")
    return open_sealed(token_key, vector["version"], wrapped, vector["access_key_id"].encode())


def session_secret(vector, _wrapped):
    """Six bits of each derived byte are a character of base64's alphabet."""
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    session_key = bytes.fromhex(vector["session_key"])
    derived = kbkdf(session_key, b"claviger/v1/session/secret\0" + vector["access_key_id"].encode(), 40)
    return "".join(alphabet[byte & 63] for byte in derived).encode()


def open_mfa_seed(vector, wrapped):
    place = [b"mfa seed", *scope(vector), bytes.fromhex(vector["device"])]
    return unwrap(bytes.fromhex(vector["domain_key"]), wrapped, vector["version"], *place)


def main():
    failures = []

    def judge(file, opener, result):
        for expected in ("good", "bad"):
            for vector in file[expected]:
                try:
                    outcome = opener(vector).hex()
                except Refused:
                    outcome = None
                if outcome != (vector[result] if expected == "good" else None):
                    failures.append(f"{expected}: {vector['name']}: {outcome or 'refused'}")
        print(f"{file['format']}: {len(file['good'])} good, {len(file['bad'])} bad")

    messages = json.loads((VECTORS / "messages-v1.json").read_text())
    judge(messages, open_message, "plaintext")

    keys = json.loads((VECTORS / "keys-v1.json").read_text())
    version = keys["cluster_key"]["version"]
    cluster_key = open_cluster_key(keys["root_file"], version, bytes.fromhex(keys["cluster_key"]["wrapped"]))
    if cluster_key.hex() != keys["cluster_key"]["key"]:
        failures.append("cluster key")
    openers = {
        "backing key": open_backing_key,
        "domain key": lambda vector, wrapped: open_domain_key(vector, wrapped, cluster_key, version),
        "secret access key": open_secret_access_key,
        "token": lambda vector, wrapped: open_token(vector, wrapped, cluster_key, version),
    }
    judge(keys, lambda vector: openers[vector["kind"]](vector, bytes.fromhex(vector["wrapped"])), "opened")

    sessions = json.loads((VECTORS / "sessions-v1.json").read_text())
    openers = {
        "log key": lambda vector, wrapped: open_versioned_key(b"log key", vector, wrapped, cluster_key, version),
        "mfa seed": open_mfa_seed,
        "session key": lambda vector, wrapped: open_versioned_key(b"session key", vector, wrapped, cluster_key, version),
        "session secret": session_secret,
        "session token": open_session_token,
    }
    judge(sessions, lambda vector: openers[vector["kind"]](vector, bytes.fromhex(vector["wrapped"])), "opened")

    for failure in failures:
        print(f"FAILED {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
