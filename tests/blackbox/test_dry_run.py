"""DryRun: every check is made, nothing is done, nothing is returned. Source: API reference; the order of checks."""

import pytest

from refusals import refused

WOULD_HAVE = "The request would have succeeded, but the DryRun option is set."


@pytest.fixture
def calls(kms, shared_key, hmac_key):
    """Each operation with DryRun: its function and parameters that would succeed."""
    key_id = shared_key["KeyId"]
    mac = {"KeyId": hmac_key["KeyId"], "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
    blob = kms.encrypt(KeyId=key_id, Plaintext=b"x")["CiphertextBlob"]
    grant = {"KeyId": key_id, "GranteePrincipal": shared_key["AWSAccountId"], "Operations": ["Encrypt"]}
    grants = [kms.create_grant(**grant) for _ in range(2)]
    return {
        "create_grant": grant,
        "retire_grant": {"GrantToken": grants[0]["GrantToken"]},
        "revoke_grant": {"KeyId": key_id, "GrantId": grants[1]["GrantId"]},
        "encrypt": {"KeyId": key_id, "Plaintext": b"x"},
        "decrypt": {"CiphertextBlob": blob},
        "re_encrypt": {"CiphertextBlob": blob, "DestinationKeyId": key_id},
        "generate_data_key": {"KeyId": key_id, "KeySpec": "AES_256"},
        "generate_data_key_without_plaintext": {"KeyId": key_id, "KeySpec": "AES_256"},
        "generate_mac": mac,
        "verify_mac": {**mac, "Mac": kms.generate_mac(**mac)["Mac"]},
    }


NAMES = [
    "create_grant",
    "retire_grant",
    "revoke_grant",
    "encrypt",
    "decrypt",
    "re_encrypt",
    "generate_data_key",
    "generate_data_key_without_plaintext",
    "generate_mac",
    "verify_mac",
]


@pytest.mark.parametrize("name", NAMES)
def test_would_have_succeeded(kms, calls, name):
    with refused("DryRunOperationException", WOULD_HAVE, 400):
        getattr(kms, name)(**calls[name], DryRun=True)
    getattr(kms, name)(**calls[name], DryRun=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_stranger_is_still_a_stranger(other_kms, calls, shared_key, hmac_key, name):
    arns = {key["KeyId"]: key["Arn"] for key in (shared_key, hmac_key)}
    parameters = {**calls[name], **{m: arns[calls[name][m]] for m in ("KeyId", "DestinationKeyId") if m in calls[name]}}
    with refused("AccessDeniedException", None, 400):
        getattr(other_kms, name)(**parameters, DryRun=True)


@pytest.mark.parametrize("name", ["encrypt", "generate_data_key", "generate_data_key_without_plaintext"])
def test_the_state_is_checked(kms, calls, disabled_key, name):
    with refused("DisabledException"):
        getattr(kms, name)(**{**calls[name], "KeyId": disabled_key["KeyId"]}, DryRun=True)


def test_the_algorithm_is_checked(kms, calls):
    with refused("InvalidKeyUsageException"):
        kms.encrypt(**calls["encrypt"], EncryptionAlgorithm="RSAES_OAEP_SHA_256", DryRun=True)
