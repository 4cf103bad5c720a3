"""`/healthz` and `/metrics`."""

import re

from raw_http import send, signed
from refusals import refused


def test_healthz(server):
    assert server.get("/healthz")[0] == 200


def test_metrics_are_prometheus_text(server):
    status, text = server.get("/metrics")
    assert status == 200
    line = re.compile(r'(# (HELP|TYPE) .+|[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+="[^"]*",?)*\})? [-+0-9.eE]+|\+Inf)')
    for one in text.splitlines():
        assert line.fullmatch(one), one


def total(server, *words):
    """The sum of the request counters whose line holds all these words."""
    _, text = server.get("/metrics")
    found = [
        line for line in text.splitlines() if "requests_total" in line and all(f'"{word}"' in line for word in words)
    ]
    return sum(float(line.rsplit(" ", 1)[1]) for line in found if not line.startswith("#"))


def test_requests_by_operation_and_outcome(own_server):
    kms = own_server.kms()
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    before = total(own_server, "Encrypt")
    for _ in range(3):
        kms.encrypt(KeyId=key, Plaintext=b"x")
    assert total(own_server, "Encrypt") == before + 3
    with refused("NotFoundException"):
        kms.encrypt(KeyId="nothing", Plaintext=b"x")
    assert total(own_server, "Encrypt", "NotFoundException") == 1


def test_no_name_of_a_client_makes_a_metric(own_server):
    """A stranger must not be able to fill the memory with labels."""
    for number in range(50):
        send(own_server, signed(own_server, f"TrentService.Nothing{number}", {}))
    assert "Nothing" not in own_server.get("/metrics")[1]


def test_other_paths(server):
    for path in ["/", "/healthz/", "/metrics/x", "/.env", "/healthz?x=%zz"]:
        assert server.get(path)[0] in (200, 403, 404), path
