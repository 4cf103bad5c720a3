"""Expecting a refusal: its code, its status and its exact words."""

import re
from contextlib import contextmanager

import pytest
from botocore.exceptions import ClientError

NO_MESSAGE = ""


@contextmanager
def refused(code, message=None, status=None):
    """The block must fail with this code, or with one of these where no recording tells which.

    `message` is the exact text, a compiled pattern, or None for any.
    """
    with pytest.raises(ClientError) as caught:
        yield caught
    error = caught.value.response["Error"]
    shown = f"{error} for {caught.value.operation_name}"
    codes = (code,) if isinstance(code, str) else code
    assert error["Code"] in codes, f"{shown}\nwanted {' or '.join(codes)}"
    if isinstance(message, re.Pattern):
        assert message.fullmatch(error["Message"]), f"{shown}\nwanted {message.pattern}"
    elif message is not None:
        assert error["Message"] == message, f"{shown}\nwanted {message}"
    if status:
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status, shown


def violations(*entries):
    """The one ValidationException that lists them all; their order is not promised, so any order matches."""
    plural = "" if len(entries) == 1 else "s"
    head = re.escape(f"{len(entries)} validation error{plural} detected: ")
    each = "".join(f"(?=.*{re.escape(entry)})" for entry in entries)
    length = sum(map(len, entries)) + 2 * (len(entries) - 1)
    return re.compile(f"{head}{each}.{{{length}}}", re.DOTALL)
