"""Encrypt and Decrypt with a symmetric key. Source: API reference; the order of checks as observed."""

import os

import pytest

from refusals import NO_MESSAGE, refused

CONTEXT = {"purpose": "test", "": "empty name", "ünï": "cödé", "case": "A"}
INCORRECT_KEY = "The key ID in the request does not identify a CMK that can perform this operation."


@pytest.mark.parametrize("length", [1, 32, 4095, 4096])
def test_round_trip(kms, shared_key, length):
    plaintext = os.urandom(length)
    sealed = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=plaintext)
    assert sealed["KeyId"] == shared_key["Arn"]
    assert sealed["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    assert "KeyMaterialId" not in sealed
    assert len(sealed["CiphertextBlob"]) == length + 111
    opened = kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])
    assert opened["Plaintext"] == plaintext
    assert opened["KeyId"] == shared_key["Arn"]
    assert opened["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
    assert opened["KeyMaterialId"] == shared_key["CurrentKeyMaterialId"]


def test_the_same_plaintext_never_twice_the_same(kms, shared_key):
    blobs = {kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"same")["CiphertextBlob"] for _ in range(20)}
    assert len(blobs) == 20


def test_a_blob_is_not_taken_for_one_of_aws(kms, shared_key):
    assert kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x")["CiphertextBlob"][0] != 1


def test_encryption_context(kms, shared_key):
    blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"bound", EncryptionContext=CONTEXT)["CiphertextBlob"]
    reordered = dict(reversed(CONTEXT.items()))
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=reordered)["Plaintext"] == b"bound"
    wrong = [
        {},
        {**CONTEXT, "one": "more"},
        {name: CONTEXT[name] for name in list(CONTEXT)[1:]},
        {**CONTEXT, "case": "a"},
        {name.upper(): value for name, value in CONTEXT.items()},
        {value: name for name, value in CONTEXT.items()},
    ]
    for context in wrong:
        with refused("InvalidCiphertextException", NO_MESSAGE, 400):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)


def test_no_context_and_an_empty_one_are_the_same(kms, shared_key):
    blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x", EncryptionContext={})["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
    with refused("InvalidCiphertextException", NO_MESSAGE):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})


def test_pairs_do_not_run_into_one_another(kms, shared_key):
    blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x", EncryptionContext={"ab": "c"})["CiphertextBlob"]
    for context in [{"a": "bc"}, {"abc": ""}, {"": "abc"}]:
        with refused("InvalidCiphertextException", NO_MESSAGE):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)


def test_decrypt_with_the_right_key_id(kms, shared_key):
    blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    for form in [shared_key["KeyId"], shared_key["Arn"]]:
        opened = kms.decrypt(CiphertextBlob=blob, KeyId=form, EncryptionAlgorithm="SYMMETRIC_DEFAULT")
        assert opened["Plaintext"] == b"x"


def test_decrypt_with_another_key_id(kms, shared_key, key, hmac_key):
    blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    for other in [key, hmac_key]:
        with refused("IncorrectKeyException", INCORRECT_KEY, 400):
            kms.decrypt(CiphertextBlob=blob, KeyId=other["KeyId"])
    kms.disable_key(KeyId=key["KeyId"])
    with refused("IncorrectKeyException", INCORRECT_KEY, 400):
        kms.decrypt(CiphertextBlob=blob, KeyId=key["KeyId"])


def test_decrypt_with_a_missing_key_id(kms, shared_key):
    blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    with refused("NotFoundException"):
        kms.decrypt(CiphertextBlob=blob, KeyId="00000000-0000-4000-8000-000000000000")


@pytest.mark.parametrize("blob", [b"x", b"\0" * 143, b"\1\2\2\0x" + b"\0" * 138, os.urandom(200), b"\xff" * 6144])
def test_garbage(kms, shared_key, blob):
    with refused("InvalidCiphertextException", NO_MESSAGE, 400):
        kms.decrypt(CiphertextBlob=blob)
    with refused("InvalidCiphertextException", NO_MESSAGE, 400):
        kms.decrypt(CiphertextBlob=blob, KeyId=shared_key["KeyId"])


def test_every_flipped_bit_is_refused(kms, shared_key):
    """Each single bit; in the header the key may then not be found, which reads as access denied."""
    blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"32 bytes of plaintext, no less..")["CiphertextBlob"]
    assert len(blob) == 143
    which_key = range(2, 19)  # Whether its id is a multi-Region key's, and the id itself.
    for bit in range(len(blob) * 8):
        flipped = bytearray(blob)
        flipped[bit // 8] ^= 1 << bit % 8
        codes = ["InvalidCiphertextException"]
        if bit // 8 in which_key:
            codes.append("AccessDeniedException")
        try:
            with refused(codes):
                kms.decrypt(CiphertextBlob=bytes(flipped))
        except BaseException as error:
            raise AssertionError(f"bit {bit % 8} of byte {bit // 8}") from error
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"].startswith(b"32 bytes")


def test_every_truncation_is_refused(kms, shared_key):
    blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"truncated")["CiphertextBlob"]
    for length in range(1, len(blob)):
        with refused("InvalidCiphertextException", NO_MESSAGE):
            kms.decrypt(CiphertextBlob=blob[:length])
    with refused("InvalidCiphertextException", NO_MESSAGE):
        kms.decrypt(CiphertextBlob=blob + b"\0")


def test_usage_comes_before_state_and_algorithm(kms):
    mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    message = f"{mac['Arn']} key usage is GENERATE_VERIFY_MAC which is not valid for Encrypt."
    for _ in range(2):
        with refused("InvalidKeyUsageException", message, 400):
            kms.encrypt(KeyId=mac["KeyId"], Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")
        kms.disable_key(KeyId=mac["KeyId"])


def test_state_comes_before_algorithm(kms, disabled_key):
    with refused("DisabledException", f"{disabled_key['Arn']} is disabled."):
        kms.encrypt(KeyId=disabled_key["KeyId"], Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")


def test_wrong_algorithm(kms, shared_key):
    message = "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT."
    with refused("InvalidKeyUsageException", message, 400):
        kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x", EncryptionAlgorithm="RSAES_OAEP_SHA_256")


def test_context_size(kms, shared_key):
    """The cap keeps every context usable with an external key store; see the compatibility notes."""
    largest = {"a": "x" * 8181}
    blob = kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x", EncryptionContext=largest)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=largest)["Plaintext"] == b"x"
    with refused("ValidationException", None, 400):
        kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x", EncryptionContext={"a": "x" * 8182})
