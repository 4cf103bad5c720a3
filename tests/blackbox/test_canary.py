"""Secrets that are marked, or that answers gave out, are nowhere afterwards: not in the audit log, not in the store,
not in what the server logged at its most talkative. What every operation does with them, core's own tests look at."""

import base64
import os

from botocore.exceptions import ClientError

import one_time_codes
from claviger_server import ACCOUNT, Credentials

MARK = b"CANARY-5c1f0e7b-"
ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def forms(secret):
    """A secret as bytes, as hexadecimal, and as base64 wherever it begins within three bytes."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for shift in range(3):
        # The first and the last characters depend on what stands beside the secret.
        yield base64.b64encode(b"\0" * shift + secret)[4:-4]


def test_secrets_are_nowhere(new_server):
    server = new_server(environment={"CLAVIGER_LOG": "trace"}).start()
    secrets = [MARK]
    kms, iam, sts = server.kms(), server.client("iam"), server.client("sts")
    plaintext = MARK + os.urandom(16)
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    context = {"purpose": "canary"}
    blob = kms.encrypt(KeyId=key, Plaintext=plaintext, EncryptionContext=context)["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == plaintext
    kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=context, DestinationKeyId=key)
    secrets.append(kms.generate_data_key(KeyId=key, KeySpec="AES_256")["Plaintext"])
    secrets.append(kms.generate_random(NumberOfBytes=32)["Plaintext"])
    mac_key = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
    mac = kms.generate_mac(KeyId=mac_key, Message=plaintext, MacAlgorithm="HMAC_SHA_256")["Mac"]
    kms.verify_mac(KeyId=mac_key, Message=plaintext, Mac=mac, MacAlgorithm="HMAC_SHA_256")
    token = kms.create_grant(KeyId=key, GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:root", Operations=["Decrypt"])
    secrets.append(token["GrantToken"].encode())
    kms.encrypt(KeyId=key, Plaintext=plaintext, GrantTokens=[token["GrantToken"]])
    kms.retire_grant(GrantToken=token["GrantToken"])

    user = server.create_user("canary", ALLOW_ALL)
    secrets.append(user.secret.encode())
    serial, seed = one_time_codes.enable(iam, "canary", "canary")
    secrets += [seed, base64.b32decode(seed)]
    given = server.client("sts", user).get_session_token(SerialNumber=serial, TokenCode=one_time_codes.code(seed, 1))
    session = given["Credentials"]
    secrets += [session["SecretAccessKey"].encode(), session["SessionToken"].encode()]
    session = Credentials(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    assert server.kms(session).encrypt(KeyId=key, Plaintext=plaintext)
    other = server.create_account("222233334444", "second")
    secrets.append(other.secret.encode())

    # Refusals, by everybody who can be refused.
    wrong = Credentials(user.access_key_id, MARK.decode() + "x" * 24)
    for call in [
        lambda: kms.encrypt(KeyId="alias/none", Plaintext=plaintext),
        lambda: kms.encrypt(KeyId=key, Plaintext=plaintext * 200),
        lambda: kms.encrypt(KeyId=key, Plaintext=plaintext, GrantTokens=[MARK.decode() + "token"]),
        lambda: kms.decrypt(CiphertextBlob=MARK + blob),
        lambda: server.kms(other).encrypt(KeyId=key, Plaintext=plaintext),
        lambda: server.kms(wrong).encrypt(KeyId=key, Plaintext=plaintext),
        lambda: sts.get_session_token(SerialNumber=serial, TokenCode="000000"),
    ]:
        try:
            call()
        except ClientError:
            continue
        raise AssertionError("it should have been refused")
    assert server.terminate() == 0

    # The admin's access key stands in its file on purpose, and the root of trust in its own.
    places = [path for path in server.data_dir.rglob("*") if path.is_file() and path.name not in ("credentials",)]
    assert len(places) > 5
    for path in [*places, server.log]:
        contents = path.read_bytes()
        for number, secret in enumerate(secrets):
            assert not any(form in contents for form in forms(secret)), f"secret {number} in {path.name}"
