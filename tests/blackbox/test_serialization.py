"""The front door: routing, syntax and member types, all before authentication. Source: as observed, api texts exact.

Each request is signed and then sent again with a wrong signature: the answer must be the same, since it comes before.
"""

import base64

import pytest

import raw_http
from raw_http import kms_request, send, signed

NO_MESSAGE = None
STRUCTURE = "Start of structure or map found where not expected."
NO_BLOB = "can not be converted to a Blob"
LIST = "Start of list found where not expected"


def both_ways(server, request):
    """The answer to the request, which must not depend on its signature."""
    answer = send(server, request)
    request.headers["authorization"] = request.headers["authorization"][:-4] + "0000"
    unsigned = send(server, request)
    assert (unsigned.status, unsigned.body) == (answer.status, answer.body)
    return answer


def error_body(code, message):
    return {"__type": code} if message is NO_MESSAGE else {"__type": code, "Message": message}


DEEP = 100_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"{",
        b'{"KeyId":',
        b'{"KeyId":"a"',
        b'{"KeyId":"a"}}',
        b'{"KeyId":"a"} x',
        b"{'KeyId':'a'}",
        b'{"KeyId":"\xff"}',
        b'{"KeyId":"\\ud800"}',
        b'{"KeyId":"a\nb"}',
        b"[]",
        b'"text"',
        b"7",
        b"null",
        b"\xef\xbb\xbf{",
        b"[" * DEEP,
        b'{"a":' * DEEP,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_what_is_no_json_object(server, body):
    answer = both_ways(server, kms_request(server, "DescribeKey", body))
    assert (answer.status, answer.json()) == (400, {"__type": "SerializationException"})


@pytest.mark.parametrize(
    "body", [b'{"Unknown":' + b"[" * 5000 + b"]" * 5000 + b"}", b'{"Unknown":' + b'{"a":' * 5000 + b"1" + b"}" * 5001]
)
def test_a_deep_unknown_member_harms_nothing(server, body):
    """Skipped or refused: both are fine, as long as the caller is answered."""
    answer = send(server, kms_request(server, "ListKeys", body))
    assert answer.status == 200 or answer.code == "SerializationException", answer


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        ("Encrypt", {"KeyId": ["a"]}, LIST),
        ("Encrypt", {"KeyId": {"a": 1}}, STRUCTURE),
        ("Encrypt", {"KeyId": True}, "class java.lang.Boolean can not be converted to an String"),
        (
            "Encrypt",
            {"KeyId": 7},
            "class com.amazon.coral.value.json.numbers.TruncatingBigNumber can not be converted to an String",
        ),
        ("GenerateRandom", {"NumberOfBytes": "7"}, "class java.lang.String can not be converted to an Integer"),
        ("Encrypt", {"KeyId": "a", "DryRun": "23"}, "'23' can not be converted to an Boolean"),
        ("Decrypt", {"CiphertextBlob": True}, "class java.lang.Boolean can not be converted to a Blob"),
        (
            "Decrypt",
            {"CiphertextBlob": "23456"},
            f"'23456' {NO_BLOB}: Base64 encoded length is expected a multiple of 4 bytes but found: 5",
        ),
        ("Decrypt", {"CiphertextBlob": "=+/="}, f"'=+/=' {NO_BLOB}: Invalid Base64 character: '='"),
        ("Decrypt", {"CiphertextBlob": "+/+="}, f"'+/+=' {NO_BLOB}: Invalid last non-pad Base64 character dectected"),
        (
            "Encrypt",
            {"Plaintext": "+/+="},
            f"Value {NO_BLOB}: Invalid last non-pad Base64 character dectected",
        ),
        ("TagResource", {"Tags": "a"}, "Expected list or null"),
        ("Encrypt", {"EncryptionContext": "a"}, "Expected map or null"),
        ("TagResource", {"Tags": ["a"]}, "Expected null"),
        ("Decrypt", {"Recipient": "a"}, "Expected null"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_types(server, operation, body, message):
    answer = both_ways(server, kms_request(server, operation, body))
    assert (answer.status, answer.json()) == (400, error_body("SerializationException", message))


@pytest.mark.parametrize("value", [7, True, None, ["a"], {"a": "b"}])
def test_context_values_are_strings(server, shared_key, value):
    body = {"KeyId": shared_key["KeyId"], "Plaintext": "eA==", "EncryptionContext": {"a": value}}
    answer = send(server, kms_request(server, "Encrypt", body))
    assert answer.status == 400 and answer.code in ("SerializationException", "ValidationException"), answer


def test_duplicate_names_in_a_context(server, shared_key):
    """Two readings of one context would be two different ciphertexts: refused."""
    body = f'{{"KeyId":"{shared_key["KeyId"]}","Plaintext":"eA==","EncryptionContext":{{"a":"1","a":"2"}}}}'
    answer = send(server, kms_request(server, "Encrypt", body.encode()))
    assert (answer.status, answer.code) == (400, "SerializationException")


@pytest.mark.parametrize(
    "body",
    [
        '{"KeyId":"KEY","Unknown":1}',
        '{"KeyId":"KEY","unknown":{"KeyId":[1,{"a":null}]}}',
        '{"KeyId":"KEY","GrantTokens":null}',
        ' \t\r\n{ "KeyId" : "KEY" }\n ',
        '{"keyid":"nothing","KeyId":"KEY"}',
    ],
)
def test_what_is_tolerated(server, shared_key, body):
    answer = send(server, kms_request(server, "DescribeKey", body.replace("KEY", shared_key["KeyId"]).encode()))
    assert answer.status == 200, answer


def test_numbers_for_integers(server):
    for number, length in [("7", 7), ("7.9", 7), ("7.0", 7), ("1e2", 100)]:
        answer = send(server, kms_request(server, "GenerateRandom", f'{{"NumberOfBytes":{number}}}'.encode()))
        assert answer.status == 200, f"{number}: {answer}"
        assert len(base64.b64decode(answer.json()["Plaintext"])) == length, number


@pytest.mark.parametrize(
    "target",
    [
        "TrentService.",
        "TrentService.Nothing",
        "TrentService.encrypt",
        "trentservice.Encrypt",
        "TrentService.Encrypt.Encrypt",
        "TrentService",
        "Encrypt",
        "",
        "Claviger_20261201.Nothing",
        None,
    ],
)
def test_unknown_operation(server, target):
    answer = both_ways(server, signed(server, target, {}))
    assert (answer.status, answer.json()) == (400, {"__type": "UnknownOperationException"})


def test_syntax_comes_before_the_operation(server):
    answer = both_ways(server, signed(server, "TrentService.Nothing", b"{"))
    assert answer.json() == {"__type": "SerializationException"}


@pytest.mark.parametrize(
    "content_type", ["application/x-amz-json-1.1; charset=utf-8", "application/x-amz-json-1.1 ;a=b"]
)
def test_parameters_of_the_content_type(server, content_type):
    answer = send(server, kms_request(server, "ListKeys", {}, content_type=content_type))
    assert answer.status == 200


def test_other_methods_and_content_types(server):
    for request, status, element in [
        (b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", 403, b"<MissingAuthenticationTokenException>"),
        (
            b"PUT / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n\r\n",
            403,
            b"<MissingAuthenticationTokenException>",
        ),
        (
            b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 2\r\n\r\n{}",
            403,
            b"<MissingAuthenticationTokenException>",
        ),
        (kms_request(server, "ListKeys", {}, content_type="text/plain"), 404, b"<UnknownOperationException/>"),
    ]:
        answer = send(server, request)
        assert answer.status == status, f"{request}: {answer}"
        assert element in answer.body, f"{request}: {answer}"


def test_json_1_0_gets_the_legacy_wrapper(server):
    answer = send(server, kms_request(server, "ListKeys", {}, content_type="application/json"))
    assert answer.status == 404
    assert answer.json() == {
        "Output": {"__type": "com.amazon.coral.service#UnknownOperationException"},
        "Version": "1.0",
    }


def test_headers_of_every_answer(server):
    for request in [
        kms_request(server, "ListKeys", {}),
        kms_request(server, "ListKeys", b"{"),
        signed(server, "x", {}),
    ]:
        answer = send(server, request)
        assert len(answer.headers["x-amzn-requestid"]) == 36
        assert answer.headers["content-type"] == raw_http.CONTENT_TYPE
        assert answer.headers["content-length"] == str(len(answer.body))
        assert answer.headers["date"].endswith(" GMT")


def test_request_ids_differ(server):
    ids = {send(server, kms_request(server, "ListKeys", {})).headers["x-amzn-requestid"] for _ in range(20)}
    assert len(ids) == 20
