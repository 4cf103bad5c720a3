#!/usr/bin/env python3
"""Runs every lane of tests, adds up what they counted, and says which lanes could not run.

A lane that cannot run here is printed as NOT RUN with the way to get it; it is never passed over in silence.
Knows nothing of the tests themselves. The last line is `N passed, N failed`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
FUZZ_SECONDS = 60  # Of all targets together.
FUZZ_ITERATIONS = 1_000_000  # Of each target in the long run.

CARGO_COUNTS = re.compile(r"^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", re.MULTILINE)
PYTEST_COUNT = re.compile(r"(\d+) (passed|failed|skipped|errors?)")


@dataclass
class Outcome:
    """What one lane counted. `missing` says why it could not run and how to get what it wants."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    missing: str = ""


class CannotRun(Exception):
    """What the lane wants and this machine lacks, with the way to get it."""


def main():
    arguments = parse_arguments()
    lanes = [lane for lane in LANES if not arguments.lanes or lane[0] in arguments.lanes]
    outcomes = [(name, timed(name, lane, arguments.soak)) for name, lane in lanes]
    print("\nLanes:")
    for name, outcome in outcomes:
        print(f"  {verdict(outcome):8} {name}{detail(outcome)}")
    passed = sum(outcome.passed for _, outcome in outcomes)
    failed = sum(outcome.failed for _, outcome in outcomes)
    skipped = sum(outcome.skipped for _, outcome in outcomes)
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    sys.exit(1 if failed or not passed else 0)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [name for name, _ in LANES]
    parser.add_argument("lanes", nargs="*", metavar="LANE", help=f"only these of {', '.join(names)}")
    parser.add_argument("--soak", action="store_true", help="much more of everything that is random")
    arguments = parser.parse_args()
    if not set(arguments.lanes) <= set(names):
        parser.error(f"the lanes are {', '.join(names)}")
    return arguments


def timed(name, lane, soak):
    print(f"\n=== {name}", flush=True)
    started = time.monotonic()
    try:
        outcome = lane(soak)
    except CannotRun as reason:
        outcome = Outcome(missing=str(reason))
        print(f"NOT RUN {name}: {reason}")
    print(f"--- {name}: {time.monotonic() - started:.0f} s", flush=True)
    return outcome


def verdict(outcome):
    if outcome.missing:
        return "NOT RUN"
    return "FAILED" if outcome.failed else "passed"


def detail(outcome):
    if outcome.missing:
        return f": {outcome.missing}"
    skipped = f", {outcome.skipped} NOT RUN (named above)" if outcome.skipped else ""
    return f" ({outcome.passed} passed, {outcome.failed} failed{skipped})"


# The lanes, quickest complaint first.


def format_lane(_soak):
    return one(["cargo", "fmt", "--all", "--check"])


def lint_lane(_soak):
    return one(["cargo", "clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"])


def structure_lane(_soak):
    return pytest("tests/structure")


def dependencies_lane(_soak):
    return one([cargo_deny(), "--log-level", "error", "check", "bans", "licenses", "sources"])


def unit_lane(soak):
    environment = {"CLAVIGER_AGREEMENT_CASES": "4000000", "CLAVIGER_POWER_LOSS_IMAGES": "200000"} if soak else {}
    return cargo_test(["--workspace", "--exclude", "claviger-fuzz"], environment)


def vectors_lane(_soak):
    need_venv()
    return one([str(PYTHON), "tests/vectors/open_message.py"])


def transparency_lane(_soak):
    """A log that is written here, read by Go's own transparency log packages."""
    if not shutil.which("go"):
        raise CannotRun("go is missing; your system's package for it (golang) brings it")
    folder = ["go", "-C", "tests/transparency"]
    if run([*folder, "mod", "download"])[0]:
        raise CannotRun("the pinned Go module could not be fetched; `go -C tests/transparency mod download` says why")
    with tempfile.TemporaryDirectory() as scratch:
        log = f"{scratch}/log"
        status, keys = run(["cargo", "run", "--quiet", "--package", "claviger-tlog", "--example", "sample", log])
        if status:
            return Outcome(failed=1)
        status, output = run([*folder, "test", "-count=1", "-v", "./..."], {"LOG": log, "LOG_KEYS": keys})
    counted = re.findall(r"^\s*--- (PASS|FAIL)", output, re.MULTILINE)
    return Outcome(counted.count("PASS"), counted.count("FAIL") or int(bool(status)))


def blackbox_lane(soak):
    need_venv()
    status, _ = run(["cargo", "build", "--quiet", "--package", "claviger"])
    if status:
        return Outcome(failed=1)
    environment = {"CLAVIGER_KILLS": "300" if soak else "25"}
    return pytest("tests/blackbox", environment)


def fuzz_lane(soak):
    amount = {"CLAVIGER_FUZZ_ITERATIONS": str(FUZZ_ITERATIONS)} if soak else {"CLAVIGER_FUZZ_SECONDS": str(FUZZ_SECONDS)}
    print("engine: bolero's random generator, without coverage feedback", flush=True)
    # Optimised, since it is three times as fast; as an option and not a profile, so that the dependencies are not built
    # once more. Debug assertions stay on.
    return cargo_test(["--package", "claviger-fuzz", "--config", "profile.dev.opt-level=2"], amount)


LANES = [
    ("format", format_lane),
    ("structure", structure_lane),
    ("lints", lint_lane),
    ("dependencies", dependencies_lane),
    ("unit", unit_lane),
    ("vectors", vectors_lane),
    ("transparency", transparency_lane),
    ("blackbox", blackbox_lane),
    ("fuzz", fuzz_lane),
]


def one(command):
    """A command that counts as one test."""
    status, _ = run(command)
    return Outcome(failed=1) if status else Outcome(passed=1)


def cargo_test(arguments, environment):
    status, output = run(["cargo", "test", "--quiet", "--no-fail-fast", *arguments], environment)
    counts = [tuple(map(int, found)) for found in CARGO_COUNTS.findall(output)]
    passed, failed, ignored = (sum(column) for column in zip(*counts)) if counts else (0, 0, 0)
    # A build that fails counts nothing, and a lane that counts nothing has failed.
    return Outcome(passed, failed or int(bool(status)), ignored)


def pytest(folder, environment=None):
    need_venv()
    strict = ["-W", "error::pytest.PytestUnhandledThreadExceptionWarning"]
    command = [str(PYTHON), "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "--strict-markers", *strict, folder]
    status, output = run(command, environment)
    closing = output.strip().splitlines()[-1:] or [""]
    counted = {word.rstrip("s"): int(number) for number, word in PYTEST_COUNT.findall(closing[0])}
    failed = counted.get("failed", 0) + counted.get("error", 0)
    return Outcome(counted.get("passed", 0), failed or int(bool(status)), counted.get("skipped", 0))


def need_venv():
    """Makes the virtual environment of the pinned clients once; again when the pins change."""
    wanted = (ROOT / "tests" / "requirements.txt").read_text()
    stamp = VENV / "requirements.txt"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if run([sys.executable, "-m", "venv", "--clear", str(VENV)])[0] and not install_venv_module():
        raise CannotRun("Python's venv module is missing; your system's package for it (python3-venv) brings it")
    install = [str(PYTHON), "-m", "pip", "install", "--quiet", "-r", "tests/requirements.txt"]
    if run(install)[0]:
        raise CannotRun(
            "the pinned Python packages could not be installed; `pip install -r tests/requirements.txt` says why"
        )
    stamp.write_text(wanted)


def install_venv_module():
    """Where the tests run as root on a Debian system, the module can simply be installed."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    if run(["apt-get", "install", "-y", "-q", "python3-venv"])[0]:
        return False
    return run([sys.executable, "-m", "venv", "--clear", str(VENV)])[0] == 0


def cargo_deny():
    """The person's own cargo-deny, or one built for these tests alone, without optimisation since that is quicker."""
    own = TARGET / "tools" / "bin" / "cargo-deny"
    if found := shutil.which("cargo-deny"):
        return found
    if (
        not own.exists()
        and run(["cargo", "install", "--quiet", "--locked", "--debug", "--root", str(TARGET / "tools"), "cargo-deny"])[
            0
        ]
    ):
        raise CannotRun("cargo-deny is missing; `cargo install --locked cargo-deny` brings it")
    return str(own)


def run(command, environment=None):
    """Runs it with its output shown as it comes; returns the exit status and that output."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        print(line, end="", flush=True)
    return process.wait(), "".join(lines)


if __name__ == "__main__":
    main()
