"""`audit.keep_days`: old bundles of the audit log go, each time with an event, and what is left still proves."""

import datetime

from audit_log import count, decoded, kept_from
from claviger_server import run_binary, wait_until
from test_audit_commands import audit, bad, good, key_of, log_of, make_events, value

YEAR = "2031-01-01T00:00:00Z"


def move_clock(server, days):
    now = datetime.datetime.fromisoformat(YEAR) + datetime.timedelta(days=days)
    server.client("claviger").set_dev_clock(Now=now)


def test_old_bundles_go(new_server, tmp_path):
    server = new_server("--dev-clock", YEAR, environment={"CLAVIGER_AUDIT_KEEP_DAYS": "30"}).start()
    log, key, pin, proof = log_of(server), key_of(server), tmp_path / "pin", tmp_path / "proof"
    make_events(server, 600)
    good("pin", log, pin, "--key", key)
    good("prove", log, 3, "--key", key, "-o", proof)
    move_clock(server, 29)
    make_events(server, 300)
    assert kept_from(server.data_dir) == 0
    # What usage was counted of is durable then: before that nothing is removed.
    server.restart()
    move_clock(server, 31)
    wait_until(lambda: kept_from(server.data_dir) == 512, 30, "the old bundles to go")
    make_events(server, 300)
    assert kept_from(server.data_dir) == 512, "the third bundle's last entry is of day 29"
    told = lambda: count(decoded(server.data_dir), "claviger:PruneAuditLog")  # noqa: E731
    wait_until(lambda: told() == 1, 30, "the event")
    assert "--allow-pruned-to 512" in bad("verify", log, "--key", key, "--pinned", pin)
    shown = good("verify", log, "--key", key, "--pinned", pin, "--allow-pruned-to", 512)
    assert "of the first 512 some or all were pruned" in value(shown, "ENTRIES")
    # The proof that somebody kept, and a new one of an entry that somebody kept.
    good("check", proof, "--key", key)
    done = audit("prove", log, 3, "--key", key, "-o", tmp_path / "anew")
    assert done.returncode == 0 and "the entry was pruned" in done.stderr
    assert "comes without the entry" in bad("check", tmp_path / "anew", "--key", key)
    # An entry that must be there is missed.
    server.restart()
    assert server.terminate() == 0
    assert run_binary("doctor", "--data-dir", str(server.data_dir)).returncode == 0
    good("verify", log, "--key", key, "--pinned", pin, "--allow-pruned-to", 512)
    (log / "tile" / "entries" / "002").unlink()
    assert "`tile/entries/002` is missing" in bad("verify", log, "--key", key)


def test_without_a_bound_everything_is_kept(new_server):
    server = new_server("--dev-clock", YEAR).start()
    make_events(server, 300)
    move_clock(server, 3_000)
    make_events(server, 300)
    assert kept_from(server.data_dir) == 0
    good("verify", log_of(server), "--key", key_of(server))
