"""Virtual MFA devices, with an authenticator app of our own. Source: IAM API reference."""

import struct
import uuid
import zlib

import pytest

import one_time_codes
from claviger_server import ACCOUNT, Credentials
from refusals import refused

ALLOW_ALL = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
WRONG = "MultiFactorAuthentication failed with invalid MFA one time pass code. "


@pytest.fixture
def user(server):
    name = f"user-{uuid.uuid4()}"
    return name, server.create_user(name, ALLOW_ALL)


def fresh_name():
    return f"device-{uuid.uuid4()}"


def test_a_code_opens_iam_to_a_session(server, iam, user):
    name, credentials = user
    serial, seed = one_time_codes.enable(iam, name, fresh_name())
    sts = server.client("sts", credentials)
    code = one_time_codes.code(seed, 1)
    answer = sts.get_session_token(SerialNumber=serial, TokenCode=code)["Credentials"]
    session = Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
    assert server.client("iam", session).get_user()["User"]["UserName"] == name
    with refused("AccessDenied", WRONG, 403):
        sts.get_session_token(SerialNumber=serial, TokenCode=code)


def test_policies_can_demand_a_code(server, iam, key):
    name = f"user-{uuid.uuid4()}"
    with_code = {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "900"}}
    statement = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*", "Condition": with_code}
    credentials = server.create_user(name, {"Version": "2012-10-17", "Statement": [statement]})
    serial, seed = one_time_codes.enable(iam, name, fresh_name())
    sts = server.client("sts", credentials)
    for arguments, allowed in [
        (None, False),
        ({}, False),
        ({"SerialNumber": serial, "TokenCode": one_time_codes.code(seed, 1)}, True),
    ]:
        caller = credentials
        if arguments is not None:
            answer = sts.get_session_token(**arguments)["Credentials"]
            caller = Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
        if allowed:
            assert server.kms(caller).encrypt(KeyId=key["KeyId"], Plaintext=b"x")["CiphertextBlob"]
        else:
            with refused("AccessDeniedException"):
                server.kms(caller).encrypt(KeyId=key["KeyId"], Plaintext=b"x")


def test_codes_that_are_refused(server, iam, user):
    name, credentials = user
    serial, seed = one_time_codes.enable(iam, name, fresh_name())
    sts = server.client("sts", credentials)
    wrong = f"{(int(one_time_codes.code(seed)) + 500_000) % 1_000_000:06}"
    for code in [one_time_codes.code(seed), one_time_codes.code(seed, 10), wrong]:
        with refused("AccessDenied", WRONG, 403):
            sts.get_session_token(SerialNumber=serial, TokenCode=code)
    with refused("AccessDenied", status=403):
        sts.get_session_token(SerialNumber=serial)
    with refused("AccessDenied", status=403):
        server.client("sts").get_session_token(SerialNumber=serial, TokenCode=one_time_codes.code(seed, 1))
    with refused("ValidationError", status=400):
        sts.get_session_token(SerialNumber=serial, TokenCode="12345x")


def test_two_codes_in_a_row_enable_a_device(iam, user):
    name, _ = user
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=fresh_name(), Path="/team/")["VirtualMFADevice"]
    serial, seed = device["SerialNumber"], device["Base32StringSeed"]
    assert serial.startswith(f"arn:aws:iam::{ACCOUNT}:mfa/team/device-")
    first, second = one_time_codes.code(seed, -1), one_time_codes.code(seed)
    with refused("InvalidAuthenticationCode", "Authentication code for device is not valid.", 403):
        iam.enable_mfa_device(
            UserName=name, SerialNumber=serial, AuthenticationCode1=second, AuthenticationCode2=first
        )
    iam.enable_mfa_device(UserName=name, SerialNumber=serial, AuthenticationCode1=first, AuthenticationCode2=second)
    listed = iam.list_mfa_devices(UserName=name)["MFADevices"]
    assert [(listed[0]["UserName"], listed[0]["SerialNumber"])] == [(name, serial)] and len(listed) == 1
    pages = iam.get_paginator("list_virtual_mfa_devices").paginate(AssignmentStatus="Assigned")
    own = [one for page in pages for one in page["VirtualMFADevices"] if one["SerialNumber"] == serial]
    assert own[0]["User"]["UserName"] == name and "Base32StringSeed" not in own[0]


def test_the_life_of_a_device(iam, user):
    name, _ = user
    serial, seed = one_time_codes.enable(iam, name, fresh_name())
    iam.resync_mfa_device(
        UserName=name,
        SerialNumber=serial,
        AuthenticationCode1=one_time_codes.code(seed, 2),
        AuthenticationCode2=one_time_codes.code(seed, 3),
    )
    with refused("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.", 409):
        iam.delete_virtual_mfa_device(SerialNumber=serial)
    iam.deactivate_mfa_device(UserName=name, SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    with refused("NoSuchEntity", f"VirtualMFADevice with serial number {serial} doesn't exist.", 404):
        iam.delete_virtual_mfa_device(SerialNumber=serial)


def test_a_user_with_a_device_stays(iam, server):
    name = f"user-{uuid.uuid4()}"
    iam.create_user(UserName=name)
    serial, _ = one_time_codes.enable(iam, name, fresh_name())
    with refused("DeleteConflict", status=409):
        iam.delete_user(UserName=name)
    iam.deactivate_mfa_device(UserName=name, SerialNumber=serial)
    iam.delete_user(UserName=name)


def test_a_device_outlives_rotations_and_a_restart(own_server):
    iam = own_server.client("iam")
    serial, seed = one_time_codes.enable(iam, "admin", "phone")
    own_server.client("claviger").rotate_domain_keys(Space="GLOBAL")
    own_server.restart()
    code = one_time_codes.code(seed, 1)
    assert own_server.client("sts").get_session_token(SerialNumber=serial, TokenCode=code)["Credentials"]


def test_the_picture_is_a_png(iam):
    """Each chunk's checksum holds, and the pixels are as many as the head says."""
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=fresh_name())["VirtualMFADevice"]
    png = device["QRCodePNG"]
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + data),), kind
        chunks[kind] = data
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert width == height and rest == [1, 0, 0, 0, 0]
    assert len(zlib.decompress(chunks[b"IDAT"])) == height * (1 + (width + 7) // 8)
