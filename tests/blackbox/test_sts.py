"""STS GetCallerIdentity, by the Query protocol. Source: STS API reference."""

import json
import uuid

from claviger_server import ACCOUNT, Credentials
from raw_http import send, signed
from refusals import refused

FORM = "application/x-www-form-urlencoded; charset=utf-8"


def test_caller_identity(server, second_account):
    for credentials, account in [(server.admin, ACCOUNT), (second_account, "222233334444")]:
        who = server.client("sts", credentials).get_caller_identity()
        assert (who["Account"], who["Arn"]) == (account, f"arn:aws:iam::{account}:user/admin")
        assert who["UserId"].startswith("AIDA")


def test_no_policy_is_needed_and_none_forbids_it(server):
    name = f"user-{uuid.uuid4()}"
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    who = server.client("sts", server.create_user(name, deny)).get_caller_identity()
    assert who["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/{name}"


def test_any_region(server):
    for region in ["us-east-1", "eu-west-3"]:
        assert server.client("sts", region=region).get_caller_identity()["Account"] == ACCOUNT


def test_errors_are_xml_with_their_own_names_and_403(server):
    unknown = Credentials("AKIAUNKNOWNUNKNOWN22", "x" * 40)
    with refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403):
        server.client("sts", unknown).get_caller_identity()
    with refused("SignatureDoesNotMatch", None, 403):
        server.client("sts", Credentials(server.admin.access_key_id, "x" * 40)).get_caller_identity()


def query(server, body, service="sts"):
    return send(server, signed(server, None, body, content_type=FORM, service=service))


def test_the_envelope(server):
    answer = query(server, b"Action=GetCallerIdentity&Version=2011-06-15")
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/xml")
    head = b'<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    assert head in answer.body.replace(b"\n", b"").replace(b"  ", b""), answer
    assert answer.xml_text("RequestId") == answer.headers["x-amzn-requestid"]


def test_unknown_action(server):
    answer = query(server, b"Action=Nothing&Version=2011-06-15")
    assert (answer.status, answer.xml_text("Code")) == (400, "InvalidAction"), answer
    assert answer.xml_text("Message") == "Could not find operation Nothing for version 2011-06-15"


def test_unsigned(server):
    request = signed(server, None, b"Action=GetCallerIdentity&Version=2011-06-15", content_type=FORM, service="sts")
    del request.headers["authorization"]
    answer = send(server, request)
    assert answer.status == 403, answer
    assert b"MissingAuthenticationToken" in answer.body


def test_json_and_query_do_not_mix(server):
    """A KMS signature opens no STS door, and a form no KMS operation."""
    answer = query(server, b"Action=ListKeys&Version=2014-11-01", service="kms")
    assert answer.status in (400, 403, 404), answer
    assert json.dumps("Keys") not in answer.body.decode()
