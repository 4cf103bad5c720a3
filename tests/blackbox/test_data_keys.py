"""GenerateDataKey and GenerateDataKeyWithoutPlaintext. Source: API reference; the order of checks as observed."""

import pytest

from refusals import refused

EITHER = "Please specify either number of bytes or key spec."
BOTH = ["generate_data_key", "generate_data_key_without_plaintext"]


@pytest.mark.parametrize(
    ("size", "length"),
    [
        ({"KeySpec": "AES_256"}, 32),
        ({"KeySpec": "AES_128"}, 16),
        ({"NumberOfBytes": 1}, 1),
        ({"NumberOfBytes": 64}, 64),
        ({"NumberOfBytes": 1024}, 1024),
    ],
)
def test_data_key(kms, shared_key, size, length):
    made = kms.generate_data_key(KeyId=shared_key["KeyId"], EncryptionContext={"a": "b"}, **size)
    assert len(made["Plaintext"]) == length
    assert made["KeyId"] == shared_key["Arn"]
    assert made["KeyMaterialId"] == shared_key["CurrentKeyMaterialId"]
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == made["Plaintext"]
    without = kms.generate_data_key_without_plaintext(KeyId=shared_key["KeyId"], **size)
    assert "Plaintext" not in without
    assert without["KeyMaterialId"] == shared_key["CurrentKeyMaterialId"]
    assert len(kms.decrypt(CiphertextBlob=without["CiphertextBlob"])["Plaintext"]) == length


def test_every_data_key_is_new(kms, shared_key):
    made = {kms.generate_data_key(KeyId=shared_key["KeyId"], KeySpec="AES_128")["Plaintext"] for _ in range(50)}
    assert len(made) == 50


@pytest.mark.parametrize("operation", BOTH)
@pytest.mark.parametrize("size", [{}, {"KeySpec": "AES_256", "NumberOfBytes": 32}])
def test_exactly_one_size(kms, shared_key, operation, size):
    with refused("ValidationException", EITHER, 400):
        getattr(kms, operation)(KeyId=shared_key["KeyId"], **size)


@pytest.mark.parametrize("operation", BOTH)
def test_size_follows_the_look_up_and_precedes_usage_and_state(kms, disabled_key, hmac_key, operation):
    for key in [disabled_key, hmac_key]:
        with refused("ValidationException", EITHER, 400):
            getattr(kms, operation)(KeyId=key["KeyId"])
    with refused("NotFoundException"):
        getattr(kms, operation)(KeyId="00000000-0000-4000-8000-000000000000")


@pytest.mark.parametrize(("operation", "name"), list(zip(BOTH, ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext"])))
def test_usage(kms, hmac_key, operation, name):
    message = f"{hmac_key['Arn']} key usage is GENERATE_VERIFY_MAC which is not valid for {name}."
    with refused("InvalidKeyUsageException", message, 400):
        getattr(kms, operation)(KeyId=hmac_key["KeyId"], KeySpec="AES_256")
