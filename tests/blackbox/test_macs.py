"""GenerateMac and VerifyMac. Source: API reference; FIPS 198-1."""

import pytest

from refusals import NO_MESSAGE, refused

SPECS = {"HMAC_224": 28, "HMAC_256": 32, "HMAC_384": 48, "HMAC_512": 64}


def algorithm(spec):
    return spec.replace("_", "_SHA_")


@pytest.fixture(scope="module")
def mac_keys(kms):
    return {spec: kms.create_key(KeySpec=spec, KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"] for spec in SPECS}


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("message", [b"m", b"x" * 4096])
def test_generate_and_verify(kms, mac_keys, spec, message):
    key = mac_keys[spec]
    made = kms.generate_mac(KeyId=key["KeyId"], Message=message, MacAlgorithm=algorithm(spec))
    assert (made["KeyId"], made["MacAlgorithm"], len(made["Mac"])) == (key["Arn"], algorithm(spec), SPECS[spec])
    again = kms.generate_mac(KeyId=key["Arn"], Message=message, MacAlgorithm=algorithm(spec))
    assert again["Mac"] == made["Mac"]
    verified = kms.verify_mac(KeyId=key["KeyId"], Message=message, MacAlgorithm=algorithm(spec), Mac=made["Mac"])
    assert (verified["KeyId"], verified["MacValid"], verified["MacAlgorithm"]) == (key["Arn"], True, algorithm(spec))


def test_every_flipped_bit_is_refused(kms, mac_keys):
    key = {"KeyId": mac_keys["HMAC_256"]["KeyId"], "MacAlgorithm": "HMAC_SHA_256", "Message": b"message"}
    mac = kms.generate_mac(**key)["Mac"]
    for bit in range(len(mac) * 8):
        flipped = bytearray(mac)
        flipped[bit // 8] ^= 1 << bit % 8
        with refused("KMSInvalidMacException", NO_MESSAGE, 400):
            kms.verify_mac(**key, Mac=bytes(flipped))
    for other in [mac[:-1], mac + b"\0", b"\0", b"x" * 6144]:
        with refused("KMSInvalidMacException", NO_MESSAGE, 400):
            kms.verify_mac(**key, Mac=other)


def test_another_message_or_key_is_refused(kms, mac_keys, hmac_key):
    key_id = mac_keys["HMAC_256"]["KeyId"]
    mac = kms.generate_mac(KeyId=key_id, MacAlgorithm="HMAC_SHA_256", Message=b"a")["Mac"]
    for parameters in [{"KeyId": key_id, "Message": b"b"}, {"KeyId": hmac_key["KeyId"], "Message": b"a"}]:
        with refused("KMSInvalidMacException", NO_MESSAGE, 400):
            kms.verify_mac(MacAlgorithm="HMAC_SHA_256", Mac=mac, **parameters)


@pytest.mark.parametrize("spec", SPECS)
def test_algorithm_must_fit(kms, mac_keys, spec):
    for other in SPECS:
        if other != spec:
            message = f"Algorithm {algorithm(other)} is incompatible with key spec {spec}."
            with refused("InvalidKeyUsageException", message, 400):
                kms.generate_mac(KeyId=mac_keys[spec]["KeyId"], Message=b"m", MacAlgorithm=algorithm(other))
            with refused("InvalidKeyUsageException", message, 400):
                kms.verify_mac(KeyId=mac_keys[spec]["KeyId"], Message=b"m", MacAlgorithm=algorithm(other), Mac=b"m")


def test_usage(kms, shared_key):
    for operation, more in [("GenerateMac", {}), ("VerifyMac", {"Mac": b"m"})]:
        message = f"{shared_key['Arn']} key usage is ENCRYPT_DECRYPT which is not valid for {operation}."
        call = {"GenerateMac": kms.generate_mac, "VerifyMac": kms.verify_mac}[operation]
        with refused("InvalidKeyUsageException", message, 400):
            call(KeyId=shared_key["KeyId"], Message=b"m", MacAlgorithm="HMAC_SHA_256", **more)


def test_state(kms):
    key = kms.create_key(KeySpec="HMAC_224", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
    kms.disable_key(KeyId=key["KeyId"])
    with refused("DisabledException", f"{key['Arn']} is disabled."):
        kms.generate_mac(KeyId=key["KeyId"], Message=b"m", MacAlgorithm="HMAC_SHA_512")
    kms.schedule_key_deletion(KeyId=key["KeyId"])
    with refused("KMSInvalidStateException", f"{key['Arn']} is pending deletion."):
        kms.verify_mac(KeyId=key["KeyId"], Message=b"m", MacAlgorithm="HMAC_SHA_224", Mac=b"m")


def test_an_hmac_key_does_not_encrypt(kms, hmac_key):
    message = f"{hmac_key['Arn']} key usage is GENERATE_VERIFY_MAC which is not valid for Encrypt."
    with refused("InvalidKeyUsageException", message, 400):
        kms.encrypt(KeyId=hmac_key["KeyId"], Plaintext=b"x")
