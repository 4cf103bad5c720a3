"""Fixtures: servers, clients of the first account's admin, a second account, keys."""

import os

import pytest

import claviger_server
from claviger_server import Server


@pytest.fixture(scope="session", autouse=True)
def plain_environment():
    """No setting of the person who runs the tests reaches a client."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ.update(
        {name: value for name, value in claviger_server.plain_environment().items() if name.startswith("AWS_")}
    )


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One development server for all tests that do not disturb one another."""
    running = Server(tmp_path_factory.mktemp("shared") / "data").start()
    yield running
    running.stop()


@pytest.fixture
def new_server(tmp_path):
    """Makes servers of the test's own: `new_server()` or `new_server("--dev-clock", …)`, not yet started."""
    made = []

    def make(*arguments, name="data", **settings):
        made.append(Server(tmp_path / name, *arguments, **settings))
        return made[-1]

    yield make
    for running in made:
        running.stop()


@pytest.fixture
def own_server(new_server):
    """A running server that the test may restart, kill or fill."""
    return new_server().start()


@pytest.fixture(scope="session")
def kms(server):
    return server.kms()


@pytest.fixture(scope="session")
def iam(server):
    return server.client("iam")


@pytest.fixture(scope="session")
def second_account(server):
    """The admin of account 222233334444."""
    return server.create_account("222233334444", "second")


@pytest.fixture(scope="session")
def other_kms(server, second_account):
    return server.kms(second_account)


@pytest.fixture
def key(kms):
    """A fresh symmetric key's metadata."""
    return kms.create_key()["KeyMetadata"]


@pytest.fixture(scope="session")
def shared_key(kms):
    """A symmetric key that no test changes."""
    return kms.create_key(Description="shared by tests")["KeyMetadata"]


@pytest.fixture(scope="session")
def hmac_key(kms):
    """An HMAC_256 key that no test changes."""
    return kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]


@pytest.fixture
def disabled_key(kms, key):
    kms.disable_key(KeyId=key["KeyId"])
    return key


@pytest.fixture
def pending_key(kms, key):
    """A key that is pending deletion."""
    kms.schedule_key_deletion(KeyId=key["KeyId"], PendingWindowInDays=7)
    return key
