"""Signatures: what is refused, and in which words. Source: Signature Version 4; error texts as observed."""

import datetime
import hashlib
import re

import pytest

from claviger_server import Credentials
from raw_http import Request, kms_request, send, sign, signed

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
    "signing method. Consult the service documentation for details."
)
UNKNOWN = "The security token included in the request is invalid."


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def refused(server, request, code, message=None):
    answer = send(server, request)
    assert (answer.status, answer.code) == (400, code), f"{request.headers}: {answer}"
    if isinstance(message, re.Pattern):
        assert message.fullmatch(answer.message), answer
    elif message is not None:
        assert answer.message == message, answer
    assert "message" in answer.json(), answer


def test_a_right_signature(server):
    assert send(server, kms_request(server, "ListKeys", {})).status == 200


def test_unsigned(server):
    request = kms_request(server, "ListKeys", {})
    del request.headers["authorization"]
    refused(server, request, "MissingAuthenticationTokenException", "Missing Authentication Token")


def test_wrong_secret(server):
    wrong = Credentials(server.admin.access_key_id, "x" * 40)
    refused(server, kms_request(server, "ListKeys", {}, credentials=wrong), "InvalidSignatureException", MISMATCH)


def test_unknown_access_key(server):
    for access_key_id in ["AKIAUNKNOWNUNKNOWN22", "AKIA", "x" * 200]:
        unknown = Credentials(access_key_id, server.admin.secret)
        refused(
            server, kms_request(server, "ListKeys", {}, credentials=unknown), "UnrecognizedClientException", UNKNOWN
        )


def test_another_users_secret(server, second_account):
    mixed = Credentials(server.admin.access_key_id, second_account.secret)
    refused(server, kms_request(server, "ListKeys", {}, credentials=mixed), "InvalidSignatureException", MISMATCH)


def test_a_session_token_that_nobody_gave(server):
    request = kms_request(server, "ListKeys", {}, extra={"x-amz-security-token": "AAAA"})
    refused(server, request, "UnrecognizedClientException", UNKNOWN)


def tampered_body(request):
    request.body = request.body.replace(b"1", b"2")


def tampered_target(request):
    request.headers["x-amz-target"] = "TrentService.ListAliases"


def tampered_path(request):
    request.path = "/?a=b"


def tampered_date(request):
    request.headers["x-amz-date"] = (now() - datetime.timedelta(seconds=30)).strftime("%Y%m%dT%H%M%SZ")


def tampered_host(request):
    request.headers["host"] = "kms.example.com"


def tampered_signature(request):
    text = request.headers["authorization"]
    request.headers["authorization"] = text[:-1] + ("0" if text[-1] != "0" else "1")


def tampered_signed_headers(request):
    request.headers["authorization"] = request.headers["authorization"].replace("content-type;", "")


@pytest.mark.parametrize(
    "tamper",
    [
        tampered_body,
        tampered_date,
        tampered_host,
        tampered_path,
        tampered_signature,
        tampered_signed_headers,
        tampered_target,
    ],
)
def test_tampered(server, tamper):
    request = kms_request(server, "ListKeys", {"Limit": 1})
    tamper(request)
    refused(server, request, "InvalidSignatureException", MISMATCH)


@pytest.mark.parametrize("header", ["host", "x-amz-date", "x-amz-target"])
def test_what_must_be_signed(server, header):
    """Else a captured request becomes another operation, or is good for ever."""
    request = kms_request(server, "ListKeys", {}, unsigned=(header,))
    refused(server, request, "InvalidSignatureException")


def test_the_hash_header_must_be_signed_and_true(server):
    body_hash = hashlib.sha256(b"{}").hexdigest()
    assert send(server, kms_request(server, "ListKeys", {}, extra={"x-amz-content-sha256": body_hash})).status == 200
    name = "x-amz-content-sha256"
    refused(
        server,
        kms_request(server, "ListKeys", {}, extra={name: body_hash}, unsigned=(name,)),
        "InvalidSignatureException",
    )
    for claimed in [hashlib.sha256(b"").hexdigest(), "UNSIGNED-PAYLOAD"]:
        request = kms_request(server, "ListKeys", {}, extra={name: claimed}, payload_hash=claimed)
        refused(server, request, "InvalidSignatureException")


def test_any_other_header_may_be_signed_or_not(server):
    for unsigned in [(), ("amz-sdk-invocation-id", "content-type")]:
        extra = {"amz-sdk-invocation-id": "x", "X-Spaces": "  a   b  "}
        assert send(server, kms_request(server, "ListKeys", {}, extra=extra, unsigned=unsigned)).status == 200


STAMP = r"\d{8}T\d{6}Z"
EXPIRED = re.compile(rf"Signature expired: {STAMP} is now earlier than {STAMP} \({STAMP} - 5 min\.\)")
EARLY = re.compile(rf"Signature not yet current: {STAMP} is still later than {STAMP} \({STAMP} \+ 5 min\.\)")


@pytest.mark.parametrize(
    ("seconds", "message"), [(-310, EXPIRED), (-86400, EXPIRED), (-(10**9), EXPIRED), (310, EARLY), (86400, EARLY)]
)
def test_skewed_clock(server, seconds, message):
    request = kms_request(server, "ListKeys", {}, at=now() + datetime.timedelta(seconds=seconds))
    refused(server, request, "InvalidSignatureException", message)


@pytest.mark.parametrize("seconds", [-280, 0, 280])
def test_five_minutes_are_allowed(server, seconds):
    request = kms_request(server, "ListKeys", {}, at=now() + datetime.timedelta(seconds=seconds))
    assert send(server, request).status == 200


def test_the_scope_names_the_day_of_the_date(server):
    yesterday = (now() - datetime.timedelta(days=1)).strftime("%Y%m%d")
    refused(server, kms_request(server, "ListKeys", {}, scope_date=yesterday), "InvalidSignatureException")


@pytest.mark.parametrize("region", ["us-nowhere-1", "us-east", "", "US-EAST-1"])
def test_wrong_region(server, region):
    request = kms_request(server, "ListKeys", {}, region=region)
    refused(server, request, "InvalidSignatureException", "Credential should be scoped to a valid region. ")


@pytest.mark.parametrize("service", ["s3", "sts", "iam", "claviger", ""])
def test_wrong_service(server, service):
    request = kms_request(server, "ListKeys", {}, service=service)
    refused(server, request, "InvalidSignatureException", "Credential should be scoped to correct service: 'kms'. ")


def test_each_service_wants_its_own_scope(server):
    request = signed(server, "Claviger_20261201.RotateDomainKeys", {}, service="kms")
    refused(
        server, request, "InvalidSignatureException", "Credential should be scoped to correct service: 'claviger'. "
    )


def test_a_captured_request_is_no_other_request(server):
    """The same signature with the target of another operation."""
    captured = kms_request(server, "DescribeKey", {"KeyId": "x"})
    for target in ["TrentService.DisableKey", "TrentService.ScheduleKeyDeletion"]:
        captured.headers["x-amz-target"] = target
        refused(server, captured, "InvalidSignatureException", MISMATCH)


HEADER_PARTS = {
    "Credential": "Authorization header requires 'Credential' parameter. ",
    "Signature": "Authorization header requires 'Signature' parameter. ",
    "SignedHeaders": "Authorization header requires 'SignedHeaders' parameter. ",
}


@pytest.mark.parametrize("missing", [("Credential",), ("Signature",), ("SignedHeaders",), tuple(HEADER_PARTS)])
def test_incomplete_header(server, missing):
    request = kms_request(server, "ListKeys", {})
    algorithm, _, rest = request.headers["authorization"].partition(" ")
    kept = [part for part in rest.split(", ") if part.split("=")[0] not in missing]
    header = f"{algorithm} {', '.join(kept)}".strip()
    request.headers["authorization"] = header
    complaints = "".join(text for name, text in HEADER_PARTS.items() if name in missing)
    refused(server, request, "IncompleteSignatureException", f"{complaints}Authorization={header}")


def test_no_date(server):
    request = kms_request(server, "ListKeys", {})
    del request.headers["x-amz-date"]
    complaint = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
    refused(
        server, request, "IncompleteSignatureException", f"{complaint}Authorization={request.headers['authorization']}"
    )


def test_stray_token(server):
    request = kms_request(server, "ListKeys", {})
    header = "AWS4-HMAC-SHA256 stray"
    request.headers["authorization"] = header
    message = f"'stray' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'."
    refused(server, request, "IncompleteSignatureException", message)


def test_other_schemes(server):
    for header in ["Basic YTpi", "Bearer x", "AWS AKIA:abc", "AWS4-HMAC-SHA1 Credential=a"]:
        request = kms_request(server, "ListKeys", {})
        request.headers["authorization"] = header
        answer = send(server, request)
        assert answer.status == 400, header
        assert answer.code in ("IncompleteSignatureException", "MissingAuthenticationTokenException"), (
            f"{header}: {answer}"
        )


def test_query_authentication_is_refused(server):
    request = kms_request(server, "ListKeys", {})
    request.path = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    message = "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."
    refused(server, request, "InvalidSignatureException", message)
    del request.headers["authorization"]
    refused(server, request, "IncompleteSignatureException")


def test_duplicate_headers_are_joined(server):
    """A second x-amz-target that was not signed changes the signed value, so nothing can be smuggled in."""
    request = kms_request(server, "ListKeys", {})
    wire = request.wire().replace(b"x-amz-date:", b"x-amz-target: TrentService.DescribeKey\r\nx-amz-date:", 1)
    answer = send(server, wire)
    assert answer.status == 400, answer
    assert answer.code in ("InvalidSignatureException", "UnknownOperationException"), answer


def test_the_same_request_twice_is_answered_twice(server):
    """No verdict is remembered, and none is needed: both are judged alike."""
    request = Request(
        b'{"Limit":3}', {"host": f"127.0.0.1:{server.port}", "content-type": "application/x-amz-json-1.1"}
    )
    request.headers["x-amz-target"] = "TrentService.ListKeys"
    sign(request, server.admin)
    request.headers["content-length"] = str(len(request.body))
    assert [send(server, request).status for _ in range(2)] == [200, 200]
    request.body = b'{"Limit":4}'
    refused(server, request, "InvalidSignatureException", MISMATCH)
