"""An authenticator app: codes out of the seed that CreateVirtualMFADevice shows. Source: RFC 6238."""

import base64
import hashlib
import hmac
import struct
import time


def code(seed_base32, steps_ahead=0):
    """The code of the present half minute, or of a later one."""
    step = int(time.time()) // 30 + steps_ahead
    digest = hmac.new(base64.b32decode(seed_base32), struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def enable(iam, user, name):
    """A device of this user: its serial number and its seed. The present code and the one before are used up."""
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    seed = device["Base32StringSeed"]
    iam.enable_mfa_device(
        UserName=user,
        SerialNumber=device["SerialNumber"],
        AuthenticationCode1=code(seed, -1),
        AuthenticationCode2=code(seed),
    )
    return device["SerialNumber"], seed
