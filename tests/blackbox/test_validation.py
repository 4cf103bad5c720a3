"""Constraint violations: all of a request at once, in the framework's words, before any look-up."""

import pytest

from claviger_server import Credentials
from refusals import refused, violations

ENCRYPTION_ALGORITHMS = "[RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, SYMMETRIC_DEFAULT]"
MAC_ALGORITHMS = "[HMAC_SHA_384, HMAC_SHA_256, HMAC_SHA_224, HMAC_SHA_512]"
KEY_SPECS = (
    "[RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ECC_SECG_P256K1, ECC_NIST_EDWARDS25519, "
    "SYMMETRIC_DEFAULT, HMAC_224, HMAC_256, HMAC_384, HMAC_512, SM2, ML_DSA_44, ML_DSA_65, ML_DSA_87"
)
ABSENT = "00000000-0000-4000-8000-000000000000"


def value(text, path):
    return f"Value '{text}' at '{path}' failed to satisfy constraint: "


def null(path):
    return f"Value null at '{path}' failed to satisfy constraint: Member must not be null"


def hidden(path, rule):
    """Blobs are never printed."""
    return f"Value at '{path}' failed to satisfy constraint: {rule}"


def least(length):
    return f"Member must have length greater than or equal to {length}"


def most(length):
    return f"Member must have length less than or equal to {length}"


CASES = {
    "missing plaintext": ("encrypt", {"KeyId": ABSENT}, [hidden("plaintext", "Member must not be null")]),
    "everything missing": ("encrypt", {}, [null("keyId"), hidden("plaintext", "Member must not be null")]),
    "empty plaintext": ("encrypt", {"KeyId": ABSENT, "Plaintext": b""}, [hidden("plaintext", least(1))]),
    "4097 bytes": ("encrypt", {"KeyId": ABSENT, "Plaintext": b"x" * 4097}, [hidden("plaintext", most(4096))]),
    "empty key id": (
        "describe_key",
        {"KeyId": ""},
        [
            value("", "keyId") + least(1),
            value("", "keyId") + r"Member must satisfy regular expression pattern: ^\p{ASCII}+$",
        ],
    ),
    "long key id": ("describe_key", {"KeyId": "k" * 2049}, [value("k" * 2049, "keyId") + most(2048)]),
    "key id beyond ASCII": (
        "describe_key",
        {"KeyId": "schlüssel"},
        [value("schlüssel", "keyId") + r"Member must satisfy regular expression pattern: ^\p{ASCII}+$"],
    ),
    "three at once": (
        "encrypt",
        {"KeyId": "", "Plaintext": b"x" * 4097, "EncryptionAlgorithm": "ROT13"},
        [
            value("", "keyId") + least(1),
            value("", "keyId") + r"Member must satisfy regular expression pattern: ^\p{ASCII}+$",
            hidden("plaintext", most(4096)),
            value("ROT13", "encryptionAlgorithm") + f"Member must satisfy enum value set: {ENCRYPTION_ALGORITHMS}",
        ],
    ),
    "missing ciphertext": ("decrypt", {}, [null("ciphertextBlob")]),
    "long ciphertext": ("decrypt", {"CiphertextBlob": b"x" * 6145}, [hidden("ciphertextBlob", most(6144))]),
    "missing ciphertext and destination": ("re_encrypt", {}, [null("ciphertextBlob"), null("destinationKeyId")]),
    "large data key": (
        "generate_data_key",
        {"KeyId": ABSENT, "NumberOfBytes": 1025},
        [value("1025", "numberOfBytes") + "Member must have value less than or equal to 1024"],
    ),
    "MAC": (
        "verify_mac",
        {"KeyId": ABSENT, "Mac": b"", "MacAlgorithm": "HMAC_MD5"},
        [
            hidden("message", "Member must not be null"),
            hidden("mac", least(1)),
            value("HMAC_MD5", "macAlgorithm") + f"Member must satisfy enum value set: {MAC_ALGORITHMS}",
        ],
    ),
    "description": ("create_key", {"Description": "d" * 8193}, [value("d" * 8193, "description") + most(8192)]),
    "window 0": (
        "schedule_key_deletion",
        {"KeyId": ABSENT, "PendingWindowInDays": 0},
        [value("0", "pendingWindowInDays") + "Member must have value greater than or equal to 1"],
    ),
    "window 366": (
        "schedule_key_deletion",
        {"KeyId": ABSENT, "PendingWindowInDays": 366},
        [value("366", "pendingWindowInDays") + "Member must have value less than or equal to 365"],
    ),
    "limit": (
        "list_keys",
        {"Limit": 1001, "Marker": ""},
        [
            value("1001", "limit") + "Member must have value less than or equal to 1000",
            value("", "marker") + least(1),
        ],
    ),
    "tags": (
        "tag_resource",
        {"KeyId": ABSENT, "Tags": [{"TagKey": "", "TagValue": "v"}, {"TagKey": "a"}]},
        [value("", "tags.1.member.tagKey") + least(1), null("tags.2.member.tagValue")],
    ),
    "policy characters": (
        "put_key_policy",
        {"KeyId": ABSENT, "Policy": "{}\u20ac"},
        [
            value("{}\u20ac", "policy")
            + r"Member must satisfy regular expression pattern: [\u0009\u000A\u000D\u0020-\u00FF]+"
        ],
    ),
    "policy name": (
        "get_key_policy",
        {"KeyId": ABSENT, "PolicyName": "a-b"},
        [value("a-b", "policyName") + r"Member must satisfy regular expression pattern: [\w]+"],
    ),
    "alias": (
        "create_alias",
        {"AliasName": "a" * 257},
        [value("a" * 257, "aliasName") + most(256), null("targetKeyId")],
    ),
}


@pytest.fixture(scope="module")
def lenient(server):
    """A client that lets everything through."""
    return server.kms(parameter_validation=False)


@pytest.mark.parametrize("case", CASES)
def test_violations(lenient, case):
    operation, parameters, entries = CASES[case]
    with refused("ValidationException", violations(*entries), 400):
        getattr(lenient, operation)(**parameters)


def test_key_spec_of_a_data_key_prints_all_key_specs(lenient):
    for spec in ["AES_512", "RSA_2048"]:
        head = (
            "1 validation error detected: "
            + value(spec, "keySpec")
            + f"Member must satisfy enum value set: {KEY_SPECS}"
        )
        with refused("ValidationException", None, 400) as caught:
            lenient.generate_data_key(KeyId=ABSENT, KeySpec=spec)
        assert caught.value.response["Error"]["Message"].startswith(head)


def test_an_unknown_key_spec(lenient):
    with refused("ValidationException", None, 400) as caught:
        lenient.create_key(KeySpec="AES_256")
    message = caught.value.response["Error"]["Message"]
    assert message.startswith(
        "1 validation error detected: " + value("AES_256", "keySpec") + "Member must satisfy enum value set: ["
    )


def test_it_precedes_the_look_up_and_the_authorization(server):
    stranger = server.kms(server.create_user("no-permission-at-all"), parameter_validation=False)
    entry = hidden("plaintext", "Member must not be null")
    with refused("ValidationException", violations(entry)):
        stranger.encrypt(KeyId=ABSENT)


def test_it_follows_authentication(server):
    unknown = server.kms(Credentials("AKIAUNKNOWNUNKNOWN22", "x" * 40), parameter_validation=False)
    with refused("UnrecognizedClientException"):
        unknown.encrypt(KeyId="")
