#!/usr/bin/env python3
"""Envelope encryption of a file of any size with one data key.

    envelope.py encrypt KEY_ID SOURCE TARGET
    envelope.py decrypt SOURCE TARGET

KMS sees only the data key. The file is sealed here, in chunks of 1 MiB with AES-256-GCM, so that it never has to fit
into memory. Each chunk's nonce is its number and whether it is the last: chunks that are swapped, dropped or added do
not open. The data key is used for this one file, so a counter is a safe nonce.

Needs boto3 and cryptography, and finds the server by AWS_ENDPOINT_URL_KMS and the usual AWS settings.
"""

import os
import struct
import sys

import boto3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MAGIC = b"envelope-1"
CHUNK_BYTES = 1 << 20
TAG_BYTES = 16
CONTEXT = {"purpose": "envelope.py"}


def encrypt(key_id, source_path, target_path):
    data_key = boto3.client("kms").generate_data_key(KeyId=key_id, KeySpec="AES_256", EncryptionContext=CONTEXT)
    blob = data_key["CiphertextBlob"]
    header = MAGIC + struct.pack(">H", len(blob)) + blob
    seal = AESGCM(data_key["Plaintext"])
    with open(source_path, "rb") as source, replacing(target_path) as target:
        target.write(header)
        for number, chunk, last in chunks(source, CHUNK_BYTES):
            target.write(seal.encrypt(nonce(number, last), chunk, header))


def decrypt(source_path, target_path):
    with open(source_path, "rb") as source, replacing(target_path) as target:
        if source.read(len(MAGIC)) != MAGIC:
            raise SystemExit(f"{source_path} was not made by this program")
        length = source.read(2)
        blob = source.read(*struct.unpack(">H", length))
        data_key = boto3.client("kms").decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
        header = MAGIC + length + blob
        seal = AESGCM(data_key["Plaintext"])
        for number, chunk, last in chunks(source, CHUNK_BYTES + TAG_BYTES):
            try:
                target.write(seal.decrypt(nonce(number, last), chunk, header))
            except InvalidTag:
                raise SystemExit(f"{source_path} is damaged or was tampered with, at chunk {number}") from None


def chunks(source, size):
    """The file's chunks with their numbers, the last one marked. An empty file is one empty chunk."""
    number, chunk = 0, source.read(size)
    while True:
        following = source.read(size)
        yield number, chunk, not following
        if not following:
            return
        number, chunk = number + 1, following


def nonce(number, last):
    return struct.pack(">Q?3x", number, last)


class replacing:
    """A file that appears under its name only when it was written whole."""

    def __init__(self, path):
        self.path, self.partial = path, f"{path}.partial"

    def __enter__(self):
        self.file = open(self.partial, "wb")
        return self.file

    def __exit__(self, failure, *_):
        self.file.close()
        if failure:
            os.unlink(self.partial)
        else:
            os.replace(self.partial, self.path)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["encrypt", key_id, source_path, target_path]:
            encrypt(key_id, source_path, target_path)
        case ["decrypt", source_path, target_path]:
            decrypt(source_path, target_path)
        case _:
            raise SystemExit(__doc__)
