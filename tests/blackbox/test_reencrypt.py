"""ReEncrypt: from one key or context to another, the plaintext never leaving. Source: API reference."""

import pytest

from refusals import NO_MESSAGE, refused

INCORRECT_KEY = "The key ID in the request does not identify a CMK that can perform this operation."


@pytest.fixture
def blob(kms, shared_key):
    return kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"moving", EncryptionContext={"from": "here"})[
        "CiphertextBlob"
    ]


def test_to_another_key_and_context(kms, shared_key, key, blob):
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext={"from": "here"},
        DestinationKeyId=key["KeyId"],
        DestinationEncryptionContext={"to": "there"},
    )
    new = moved.pop("CiphertextBlob")
    moved.pop("ResponseMetadata")
    assert moved == {
        "SourceKeyId": shared_key["Arn"],
        "KeyId": key["Arn"],
        "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "DestinationEncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        "SourceKeyMaterialId": shared_key["CurrentKeyMaterialId"],
        "DestinationKeyMaterialId": key["CurrentKeyMaterialId"],
    }
    opened = kms.decrypt(CiphertextBlob=new, EncryptionContext={"to": "there"})
    assert (opened["Plaintext"], opened["KeyId"]) == (b"moving", key["Arn"])


def test_under_the_same_key(kms, shared_key, blob):
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceKeyId=shared_key["Arn"],
        SourceEncryptionContext={"from": "here"},
        DestinationKeyId=shared_key["KeyId"],
    )
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"moving"


def test_wrong_source_context(kms, key, blob):
    for context in [{}, {"from": "there"}]:
        with refused("InvalidCiphertextException", NO_MESSAGE, 400):
            kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=key["KeyId"])


def test_wrong_source_key(kms, key, blob):
    with refused("IncorrectKeyException", INCORRECT_KEY, 400):
        kms.re_encrypt(
            CiphertextBlob=blob,
            SourceKeyId=key["KeyId"],
            SourceEncryptionContext={"from": "here"},
            DestinationKeyId=key["KeyId"],
        )


def test_garbage(kms, key):
    with refused("InvalidCiphertextException", NO_MESSAGE, 400):
        kms.re_encrypt(CiphertextBlob=b"garbage", DestinationKeyId=key["KeyId"])


def test_states_of_both_keys(kms, blob, key, shared_key):
    context = {"from": "here"}
    kms.disable_key(KeyId=key["KeyId"])
    with refused("DisabledException", f"{key['Arn']} is disabled."):
        kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=key["KeyId"])
    kms.enable_key(KeyId=key["KeyId"])
    own = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
    kms.schedule_key_deletion(KeyId=key["KeyId"])
    for source, destination, source_context in [(blob, key, context), (own, shared_key, {})]:
        with refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
            kms.re_encrypt(
                CiphertextBlob=source, SourceEncryptionContext=source_context, DestinationKeyId=destination["KeyId"]
            )


def test_usage_of_the_destination(kms, blob, hmac_key):
    message = f"{hmac_key['Arn']} key usage is GENERATE_VERIFY_MAC which is not valid for ReEncrypt."
    with refused("InvalidKeyUsageException", message, 400):
        kms.re_encrypt(
            CiphertextBlob=blob, SourceEncryptionContext={"from": "here"}, DestinationKeyId=hmac_key["KeyId"]
        )


def test_missing_destination(server, blob):
    lenient = server.kms(parameter_validation=False)
    message = "1 validation error detected: Value null at 'destinationKeyId' failed to satisfy constraint: Member must not be null"
    with refused("ValidationException", message, 400):
        lenient.re_encrypt(CiphertextBlob=blob)
