"""What this version cannot do is refused, and says so; it is never ignored."""

import pytest

from raw_http import kms_request, send
from refusals import refused

RECIPIENT = {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b"document"}


@pytest.fixture
def blob(kms, shared_key):
    return kms.encrypt(KeyId=shared_key["KeyId"], Plaintext=b"x")["CiphertextBlob"]


@pytest.mark.parametrize(
    ("operation", "parameters", "member"),
    [
        ("decrypt", {"Recipient": RECIPIENT}, "Recipient"),
        ("generate_data_key", {"KeySpec": "AES_256", "Recipient": RECIPIENT}, "Recipient"),
        ("generate_random", {"NumberOfBytes": 8, "Recipient": RECIPIENT}, "Recipient"),
        ("generate_random", {"NumberOfBytes": 8, "CustomKeyStoreId": "cks-1234567890abcdef0"}, "CustomKeyStoreId"),
        ("decrypt", {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}, "DryRunModifiers"),
        ("re_encrypt", {"DryRun": True, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]}, "DryRunModifiers"),
        ("create_key", {"MultiRegion": True}, "MultiRegion"),
        ("create_key", {"Origin": "EXTERNAL"}, "EXTERNAL"),
        ("create_key", {"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": "cks-1234567890abcdef0"}, ""),
        ("create_key", {"Origin": "EXTERNAL_KEY_STORE", "XksKeyId": "x"}, ""),
        ("create_key", {"CustomKeyStoreId": "cks-1234567890abcdef0"}, "CustomKeyStoreId"),
        ("list_keys", {"ResourceOwners": ["OTHER_ACCOUNTS_VIA_RAM"]}, "ResourceOwners"),
    ],
)
def test_members(kms, shared_key, blob, operation, parameters, member):
    whole = dict(parameters)
    if operation == "decrypt":
        whole["CiphertextBlob"] = blob
    elif operation == "re_encrypt":
        whole |= {"CiphertextBlob": blob, "DestinationKeyId": shared_key["KeyId"]}
    elif operation not in ("create_key", "generate_random", "list_keys"):
        whole["KeyId"] = shared_key["KeyId"]
    with refused("UnsupportedOperationException", None, 400) as caught:
        getattr(kms, operation)(**whole)
    assert member in caught.value.response["Error"]["Message"]


def test_members_at_their_plain_value(kms, shared_key):
    """A member whose value asks for what is done anyway is no reason to refuse."""
    assert kms.create_key(MultiRegion=False, Origin="AWS_KMS")["KeyMetadata"]["Enabled"]
    assert kms.describe_key(KeyId=shared_key["KeyId"], GrantTokens=[])["KeyMetadata"]["Enabled"]


@pytest.mark.parametrize(
    "spec",
    [
        "RSA_2048",
        "RSA_4096",
        "ECC_NIST_P256",
        "ECC_SECG_P256K1",
        "ECC_NIST_EDWARDS25519",
        "SM2",
        "ML_DSA_44",
        "ML_KEM_768",
    ],
)
def test_key_specs(kms, spec):
    usage = "ENCAPSULATE_DECAPSULATE" if spec.startswith("ML_KEM") else "SIGN_VERIFY"
    with refused("UnsupportedOperationException", None, 400):
        kms.create_key(KeySpec=spec, KeyUsage=usage)


@pytest.mark.parametrize(
    "operation",
    [
        "ConnectCustomKeyStore",
        "EnableKeyRotation",
        "GenerateDataKeyPair",
        "GetPublicKey",
        "ImportKeyMaterial",
        "ReplicateKey",
        "RotateKeyOnDemand",
        "Sign",
        "Verify",
    ],
)
def test_operations_of_the_model_that_are_not_here_yet(server, operation):
    answer = send(server, kms_request(server, operation, {"KeyId": "x"}))
    assert answer.status == 400, answer
    assert answer.code == "UnsupportedOperationException", answer
