"""Raw requests over a socket, signed by an own, short implementation of Signature Version 4.

Source: AWS General Reference, "Signature Version 4 signing process". Each part can be bent, so that a test can send
what no client would.
"""

import datetime
import hashlib
import hmac
import json
import socket
import xml.etree.ElementTree
from dataclasses import dataclass, field

CONTENT_TYPE = "application/x-amz-json-1.1"


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json().get("__type")

    @property
    def message(self):
        error = self.json()
        return error.get("message", error.get("Message"))

    def xml_text(self, name):
        """The text of the first element of this name, whatever its namespace."""
        for element in xml.etree.ElementTree.fromstring(self.body).iter():
            if element.tag.split("}")[-1] == name:
                return element.text
        return None


@dataclass
class Request:
    """A signed POST. Change any part after `sign` to see the change refused."""

    body: bytes = b"{}"
    headers: dict = field(default_factory=dict)
    path: str = "/"
    method: str = "POST"

    def wire(self):
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + self.body


def kms_request(server, operation, body, **signing):
    """A signed request to `TrentService.<operation>`; `body` is bytes, or a value to be sent as JSON."""
    return signed(server, f"TrentService.{operation}", body, **signing)


def signed(server, target, body, content_type=CONTENT_TYPE, extra=None, **signing):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"host": f"127.0.0.1:{server.port}", "content-type": content_type, **(extra or {})}
    if target is not None:
        headers["x-amz-target"] = target
    request = Request(body, headers)
    sign(request, signing.pop("credentials", None) or server.admin, **signing)
    request.headers["content-length"] = str(len(body))
    return request


def sign(
    request, credentials, region="us-east-1", service="kms", at=None, scope_date=None, unsigned=(), payload_hash=None
):
    """Adds x-amz-date and authorization; `unsigned` names headers to be left out of the signature."""
    at = at or datetime.datetime.now(datetime.timezone.utc)
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    day = scope_date or stamp[:8]
    request.headers["x-amz-date"] = stamp
    names = sorted(name.lower() for name in request.headers if name.lower() not in unsigned)
    values = {name.lower(): " ".join(str(value).split()) for name, value in request.headers.items()}
    canonical = "\n".join(
        [
            request.method,
            request.path,
            "",
            *(f"{name}:{values[name]}" for name in names),
            "",
            ";".join(names),
            payload_hash or hashlib.sha256(request.body).hexdigest(),
        ]
    )
    scope = f"{day}/{region}/{service}/aws4_request"
    to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + credentials.secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    request.headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    )


def send(server, request):
    """Sends a request on a connection of its own and reads the answer."""
    with connect(server) as connection:
        connection.sendall(request if isinstance(request, bytes) else request.wire())
        return read_answer(connection)


def connect(server, timeout=30):
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout)


def read_answer(connection):
    """One HTTP/1.1 answer with a Content-Length, or without one up to the end of the connection."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += read_some(connection)
    head, body = received.split(b"\r\n\r\n", 1)
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    length = int(headers.get("content-length", 0))
    while len(body) < length:
        body += read_some(connection)
    return Answer(int(status.split()[1]), headers, body[:length])


def read_some(connection):
    """Some bytes; an end of the stream before the answer's end is an error that a test can expect."""
    received = connection.recv(65536)
    if not received:
        raise ConnectionError("the server closed the connection without an answer")
    return received
