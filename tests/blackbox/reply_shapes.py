"""Checks each reply, byte for byte, against the public service model that botocore ships.

An unknown member, a wrong type, a missing required member, a `null`, an enum value outside the model or a missing
header fails the call that got it. Registered on every client that the tests make.
"""

import base64
import json
import re

from botocore.model import ListShape, MapShape, StructureShape

REQUEST_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

# Error codes that the framework in front of every operation raises; the model does not list them.
COMMON_ERRORS = {
    "AccessDeniedException",
    "IncompleteSignatureException",
    "InternalFailure",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "NotAuthorizedException",
    "SerializationException",
    "ThrottlingException",
    "UnknownOperationException",
    "UnrecognizedClientException",
    "UnsupportedOperationException",
    "ValidationException",
}
SERVER_FAULTS = {"KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException", "InternalFailure"}
CAPITAL_MESSAGE = {"AccessDeniedException", "SerializationException"}

# Operations whose successful replies were checked in this run.
seen = set()


def check(operation_model, response_dict, **_):
    headers = {name.lower(): value for name, value in response_dict["headers"].items()}
    check_headers(headers, response_dict["body"])
    if response_dict["status_code"] == 200:
        check_success(operation_model, response_dict["body"])
        seen.add(operation_model.name)
    else:
        check_error(operation_model, response_dict["status_code"], response_dict["body"])


def check_headers(headers, body):
    assert REQUEST_ID.fullmatch(headers.get("x-amzn-requestid", "")), headers
    assert headers.get("content-type") == "application/x-amz-json-1.1", headers
    assert headers.get("content-length") == str(len(body)), headers
    assert "date" in headers, headers


def check_success(operation_model, body):
    shape = operation_model.output_shape
    if shape is None:
        assert body in (b"", b"{}"), f"{operation_model.name} has no reply, yet sent {body[:200]}"
        return
    check_value(shape, json.loads(body), operation_model.name)


def check_error(operation_model, status, body):
    error = json.loads(body)
    code = error.get("__type")
    declared = {shape.name for shape in operation_model.error_shapes}
    assert code in declared | COMMON_ERRORS, f"{operation_model.name} does not declare {code}: {body}"
    assert status == (500 if code in SERVER_FAULTS else 400), f"{code} came with status {status}"
    other = set(error) - {"__type"}
    assert other <= ({"Message"} if code in CAPITAL_MESSAGE else {"message"}), f"{code}: {body}"


def check_value(shape, value, path):
    assert value is not None, f"{path} is null: absent members are left out"
    if isinstance(shape, StructureShape):
        check_structure(shape, value, path)
    elif isinstance(shape, ListShape):
        assert isinstance(value, list), f"{path} is no list: {value!r}"
        for number, member in enumerate(value):
            check_value(shape.member, member, f"{path}[{number}]")
    elif isinstance(shape, MapShape):
        assert isinstance(value, dict), f"{path} is no map: {value!r}"
        for name, member in value.items():
            check_value(shape.value, member, f"{path}.{name}")
    else:
        check_scalar(shape, value, path)


def check_structure(shape, value, path):
    assert isinstance(value, dict), f"{path} is no structure: {value!r}"
    unknown = set(value) - set(shape.members)
    assert not unknown, f"{path} has members that the model lacks: {unknown}"
    missing = set(shape.required_members) - set(value)
    assert not missing, f"{path} lacks {missing}"
    for name, member in value.items():
        check_value(shape.members[name], member, f"{path}.{name}")


def check_scalar(shape, value, path):
    kinds = {
        "blob": str,
        "boolean": bool,
        "double": (int, float),
        "integer": int,
        "long": int,
        "string": str,
        "timestamp": (int, float),
    }
    right = isinstance(value, kinds[shape.type_name]) and (shape.type_name == "boolean" or not isinstance(value, bool))
    assert right, f"{path} should be {shape.type_name}, is {value!r}"
    if shape.type_name == "blob":
        base64.b64decode(value, validate=True)
    values = getattr(shape, "enum", None)
    # The deprecated twin carries any key specification in replies (API reference, KeyMetadata).
    if values and not path.endswith("CustomerMasterKeySpec"):
        assert value in values, f"{path} is {value!r}, not of {values}"
