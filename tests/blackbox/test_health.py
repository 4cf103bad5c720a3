"""`/healthz` and `/metrics`."""

import re

from prometheus_client.parser import text_string_to_metric_families

from audit_log import events
from claviger_server import ROOT, wait_until
from raw_http import send, signed
from refusals import refused


def test_healthz(server):
    assert server.get("/healthz")[0] == 200


def scraped(server):
    """Each family by its name, as Prometheus' own parser reads it. Counters have lost their `_total`."""
    status, text = server.get("/metrics")
    assert status == 200
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families), "a family is there twice"
    return {family.name: family for family in families}


def sample(server, name, **labels):
    (found,) = [
        one.value for family in scraped(server).values() for one in family.samples if (one.name, one.labels) == (name, labels)
    ]
    return found


def test_metrics_are_prometheus_text(server, key):
    server.kms().encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    families = scraped(server)
    assert all(family.documentation and family.type != "unknown" for family in families.values())
    histograms = [family for family in families.values() if family.type == "histogram"]
    assert len(histograms) == 3
    for family in histograms:
        series = {}
        for one in family.samples:
            labels = tuple((name, value) for name, value in sorted(one.labels.items()) if name != "le")
            series.setdefault(labels, []).append(one)
        for labels, samples in series.items():
            buckets = [(float(one.labels["le"]), one.value) for one in samples if "le" in one.labels]
            assert buckets == sorted(buckets) and buckets[-1][0] == float("inf"), labels
            counts = [count for _, count in buckets]
            assert counts == sorted(counts), labels
            (all_of_them,) = [one.value for one in samples if one.name.endswith("_count")]
            (seconds,) = [one.value for one in samples if one.name.endswith("_sum")]
            assert all_of_them == counts[-1] and (seconds > 0 or not all_of_them), labels


def test_each_metric_is_documented_and_each_documented_one_is_there(server, key):
    server.kms().encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    page = (ROOT / "docs" / "operations.md").read_text()
    documented = dict(re.findall(r"^\| `claviger_(\w+)`[^|]* \| (\w+) \|", page, re.MULTILINE))
    exported = {
        family.name.removeprefix("claviger_") + ("_total" if family.type == "counter" else ""): family.type
        for family in scraped(server).values()
    }
    assert documented == exported


def test_keys_by_state(own_server):
    kms = own_server.kms()
    keys = [kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(4)]
    kms.disable_key(KeyId=keys[0])
    own_server.kms(region="eu-west-1").create_key()
    kms.schedule_key_deletion(KeyId=keys[1])
    for _ in range(2):
        found = {one.labels["state"]: one.value for one in scraped(own_server)["claviger_keys"].samples}
        assert found == {"Enabled": 3, "Disabled": 1, "PendingDeletion": 1}
        own_server.restart()


def test_the_audit_log_is_measured(own_server):
    kms = own_server.kms()
    for _ in range(20):
        kms.list_keys()
    wait_until(lambda: sample(own_server, "claviger_audit_waiting_events") == 0, 30, "the events")
    wait_until(lambda: sample(own_server, "claviger_audit_log_entries") >= 20, 30, "the entries")
    entries = events(own_server.data_dir)
    assert sample(own_server, "claviger_audit_log_entries") == len(entries)
    assert sample(own_server, "claviger_audit_bytes_total") == sum(map(len, entries))
    assert sample(own_server, "claviger_audit_waiting_bytes") == 0
    assert sample(own_server, "claviger_audit_failed") == sample(own_server, "claviger_audit_commit_failures_total") == 0
    assert sample(own_server, "claviger_audit_key_version") == 1
    own_server.client("claviger").rotate_audit_key()
    wait_until(lambda: sample(own_server, "claviger_audit_key_version") == 2, 30, "the new key")
    assert sample(own_server, "claviger_commands_waiting") == 0
    assert sample(own_server, "claviger_view_lag_seconds_count") > 0


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
