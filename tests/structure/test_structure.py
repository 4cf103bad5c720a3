"""What the folder listing promises: arrows that point down, the operation table, module docs, banned words."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# A crate may depend on crates of lower floors only. bench and fuzz stand outside the house and may see all of it.
FLOORS = {
    "claviger-types": 1,
    "claviger-storage": 2,
    "claviger-policy": 2,
    "claviger-keyring": 2,
    "claviger-tlog": 2,
    "claviger-usage": 2,
    "claviger-core": 3,
    "claviger-http": 4,
    "claviger": 5,
}
OUTSIDE = {"claviger-bench", "claviger-fuzz"}

OPERATIONS = ROOT / "crates/core/src/operations"
TABLE = ROOT / "crates/core/src/table.rs"

# Where names of exceptions may stand, and why.
EXCEPTION_NAMES = {
    "crates/core/src/error.rs": "the one mapping of the service's errors to the wire",
    "crates/core/src/metrics.rs": "labels are a closed list, so that no client can make one",
    "crates/http/src/answer.rs": "what is answered before a request belongs to any operation",
    "crates/http/src/sigv4/error.rs": "the one mapping of authentication errors to the wire",
}


def packages():
    output = subprocess.run(
        ["cargo", "metadata", "--no-deps", "--offline", "--format-version", "1"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    return {package["name"]: package for package in json.loads(output)["packages"]}


def tracked(*suffixes):
    """The repository's files of these kinds, as git lists them."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [ROOT / name for name in names if name.endswith(suffixes) and (ROOT / name).is_file()]


def relative(path):
    return str(path.relative_to(ROOT))


def modules_of_tests():
    """Files that are compiled for tests only, by the line that declares them."""
    declared = re.compile(r"#\[cfg\(test\)\]\s*(?:pub(?:\(\w+\))? )?mod (\w+);")
    for path in tracked(".rs"):
        home = path.parent if path.stem in ("lib", "main", "mod") else path.parent / path.stem
        for module in declared.findall(path.read_text()):
            yield home / f"{module}.rs"
            yield from (home / module).rglob("*.rs")


def product_lines(text):
    """Lines before the text's tests, with their numbers: comments and single items for tests are left out."""
    lines = enumerate(text.splitlines(), 1)
    for number, line in lines:
        if line.startswith("#[cfg(test)]"):
            if re.match(r"(pub(\(\w+\))? )?mod \w+ \{", skipped_item(lines)):
                return
        elif not line.lstrip().startswith("//"):
            yield number, line


def skipped_item(lines):
    """The first line of the item that comes next, with what follows it taken away as well."""
    first, depth = None, 0
    for _, line in lines:
        if first is None and line.startswith("#["):
            continue
        first = first or line
        depth += line.count("{") - line.count("}")
        if depth == 0 and line.rstrip().endswith((";", "}")):
            break
    return first or ""


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("a\n// b\nc", [1, 3]),
        ("a\n#[cfg(test)]\nmod tests {\n    b\n}\nc", [1]),
        ("#[cfg(test)]\nmod tests;\na", [3]),
        ("#[cfg(test)]\n#[expect(x)]\npub(crate) fn f() {\n    b;\n}\na", [6]),
        ("#[cfg(test)]\nuse a::{\n    b,\n};\nc\n#[cfg(test)]\nfn f() {}\nd", [5, 8]),
    ],
)
def test_what_lines_are_read(text, want):
    assert [number for number, _ in product_lines(text)] == want


def test_every_crate_has_its_floor():
    assert set(packages()) == set(FLOORS) | OUTSIDE


def test_arrows_only_point_down():
    for name, package in packages().items():
        for dependency in package["dependencies"]:
            other = dependency["name"]
            if not other.startswith("claviger") or name in OUTSIDE:
                continue
            assert other not in OUTSIDE, f"{name} depends on {other}"
            own = other == name and dependency["kind"] == "dev"  # A crate may turn on its own test features.
            assert own or FLOORS[other] < FLOORS[name], f"{name} depends on {other}, which is not below it"


# What these modules of core may see of core. Records and paths say what is stored, the View is made of them, and none of
# them knows what an operation does with it.
CORE = ROOT / "crates/core/src"
MAY_SEE = {
    "paths": {"paths"},
    "records": {"records"},
    "view": {"paths", "records", "view"},
    "wire": {"wire"},
}


def first_names(text, prefix):
    """The names that follow the prefix of paths in Rust, also in braces: `a` and `b` of `crate::{a::{x, y}, b}`."""
    for found in re.finditer(rf"(?<![\w:]){prefix}(\w+|\*|\{{)", text):
        if found[1] != "{":
            yield found[1]
            continue
        depth, start = 1, True
        for token in re.findall(r"\w+|[{},*]", text[found.end() :]):
            depth += {"{": 1, "}": -1}.get(token, 0)
            if depth == 0:
                break
            if depth == 1 and start and token not in "{},":
                yield token
            start = depth == 1 and token == ","


def modules_seen(text, depth):
    """What the text of a file names of its crate's root, itself so many modules below it."""
    return {*first_names(text, "crate::"), *first_names(text, "super::" * depth)}


@pytest.mark.parametrize(
    ("text", "depth", "want"),
    [
        ("use crate::a::{x, y};", 1, {"a"}),
        ("use crate::{a, b::C};", 1, {"a", "b"}),
        ("use crate::{\n    a::{x, y},\n    b::*, c as d,\n};\nuse z::{e, f};", 1, {"a", "b", "c"}),
        ("use crate::*;", 1, {"*"}),
        ("let x = crate::a::f(crate::b::g());", 1, {"a", "b"}),
        ("use super::a; use super::super::b; use super::{c, d};", 1, {"a", "super", "c", "d"}),
        ("use super::a; use super::super::b; use super::super::{c};", 2, {"b", "c"}),
        ("use claviger_crate::a; use my::crate::a;", 1, set()),
    ],
)
def test_what_a_text_is_seen_to_name(text, depth, want):
    assert modules_seen(text, depth) == want


@pytest.mark.parametrize("module", MAY_SEE)
def test_what_a_module_of_core_may_see(module):
    files = [path for path in tracked(".rs") if path.is_relative_to(CORE / module) or path == CORE / f"{module}.rs"]
    assert files
    for path in files:
        depth = len(path.relative_to(CORE).parts) - (path.name == "mod.rs")
        text = "\n".join(line for _, line in product_lines(path.read_text()))
        seen = modules_seen(text, depth)
        assert seen <= MAY_SEE[module], f"{relative(path)} sees {sorted(seen - MAY_SEE[module])}"


def table_rows():
    block = re.search(r"^operations! \{\n(.*?)^\}", TABLE.read_text(), re.MULTILINE | re.DOTALL)[1]
    return re.findall(r"^\s+\w+ ((?:\w+::)*\w+)::(\w+),", block, re.MULTILINE)


def test_every_operation_is_in_the_table_exactly_once():
    files = sorted(path.stem for path in OPERATIONS.rglob("*.rs") if path.name != "mod.rs")
    rows = sorted(module.split("::")[-1] for module, _ in table_rows())
    assert rows == files


def test_a_file_is_named_as_its_operation():
    for module, name in table_rows():
        snake = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
        assert module.split("::")[-1] == snake, f"{name} stands in {module}"


def test_operations_are_one_flat_folder():
    assert [relative(path) for path in OPERATIONS.iterdir() if path.is_dir()] == []


@pytest.mark.parametrize("suffix", [".rs", ".py"])
def test_each_file_says_what_it_is_for(suffix):
    opening = {".rs": "//! ", ".py": '"""'}[suffix]
    for path in tracked(suffix):
        lines = [line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#!")]
        assert lines and lines[0].startswith(opening), f"{relative(path)} does not begin with what it is for"
        assert "nder construction" not in lines[0], f"{relative(path)} is empty"


def test_src_is_at_most_two_folders_deep():
    for path in tracked(".rs"):
        parts = path.relative_to(ROOT).parts
        if "src" in parts:
            deep = len(parts) - parts.index("src") - 2
            assert deep <= 2, relative(path)


def test_exception_names_stand_in_one_place():
    only_tests = set(modules_of_tests())
    for path in tracked(".rs"):
        name = relative(path)
        if name in EXCEPTION_NAMES or not name.startswith("crates/") or "/tests" in name or path in only_tests:
            continue
        for number, line in product_lines(path.read_text()):
            assert not re.search(r'"\w*[a-z]Exception\b', line), f"{name}:{number} names an exception: {line.strip()}"


BANNED = {
    r"\b(TODO|FIXME|XXX)\b": "do it, or file it",
    r"(?<![\w.])/(work|home|root|tmp)/": "a path of one machine",
    r"\b(helpers?|sub-?agents?|chatbot|language model)\b": "the project speaks of the project alone",
    r"\bas requested\b": "the project speaks of the project alone",
}
TEXT = (".rs", ".py", ".md", ".toml", ".yaml", ".yml", ".json", ".sh", "Makefile", ".ci/run")


def test_banned_words():
    for path in tracked(*TEXT):
        if path == Path(__file__).resolve():
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            for word, reason in BANNED.items():
                assert not re.search(word, line), f"{relative(path)}:{number}: {reason}: {line.strip()[:120]}"


def test_no_module_without_a_name():
    for path in tracked(".rs", ".py"):
        assert path.stem not in ("common", "helpers", "misc", "util", "utils"), relative(path)


# What only these crates may link, and why.
CLOSE_TO_THE_EDGE = {
    # Hashes of bodies; all that has key bytes; the log's hashes, and signatures by its public keys; hashes that stand for
    # long names.
    "aws-lc-rs": {"claviger-http", "claviger-keyring", "claviger-tlog", "claviger-usage"},
    "redb": {"claviger-storage"},  # The store's engine is behind the Store trait.
    "rustls": {"claviger", "claviger-http"},  # TLS of the client commands and of the server.
    "hyper": {"claviger", "claviger-http"},
}


@pytest.mark.parametrize("dependency", CLOSE_TO_THE_EDGE)
def test_who_may_link_it(dependency):
    for name, package in packages().items():
        direct = {one["name"] for one in package["dependencies"] if one["kind"] is None}
        if dependency in direct and name not in OUTSIDE:
            assert name in CLOSE_TO_THE_EDGE[dependency], f"{name} links {dependency}"


def test_files_that_the_readme_encrypts_fit_in_a_request():
    files = re.findall(r"fileb://(\S+)", (ROOT / "README.md").read_text())
    assert files and all(1 <= (ROOT / file).stat().st_size <= 4096 for file in files), files
