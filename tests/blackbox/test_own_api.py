"""Our own API by its service model: accounts, the development clock, rotation of cluster and domain keys."""

import datetime
import threading

import pytest

from claviger_server import ACCOUNT, REGION, Credentials
from refusals import refused


@pytest.fixture(scope="module")
def claviger(server):
    return server.client("claviger")


def test_create_account(server, claviger):
    made = claviger.create_account(Id="333344445555", Name="third")
    assert made["Account"] == {"Id": "333344445555", "Name": "third", "Arn": "arn:aws:iam::333344445555:root"}
    key = made["AccessKey"]
    assert key["UserName"] == "admin" and key["AccessKeyId"].startswith("AKIA")
    theirs = Credentials(key["AccessKeyId"], key["SecretAccessKey"])
    assert server.client("sts", theirs).get_caller_identity()["Arn"] == "arn:aws:iam::333344445555:user/admin"
    assert server.kms(theirs).create_key()["KeyMetadata"]["AWSAccountId"] == "333344445555"
    with refused("AlreadyExistsException", None, 400):
        claviger.create_account(Id="333344445555", Name="again")


def test_create_account_chooses_an_id(claviger):
    made = claviger.create_account(Name="chosen")["Account"]
    assert len(made["Id"]) == 12 and made["Id"].isdigit()


def test_create_account_with_a_chosen_access_key(server, claviger):
    chosen = Credentials("AKIA" + "Q" * 16, "q" * 40)
    claviger.create_account(
        Id="444455556666", Name="x", AccessKeyId=chosen.access_key_id, SecretAccessKey=chosen.secret
    )
    assert server.client("sts", chosen).get_caller_identity()["Account"] == "444455556666"
    with refused("AlreadyExistsException", None, 400):
        claviger.create_account(Name="y", AccessKeyId=chosen.access_key_id, SecretAccessKey=chosen.secret)


def test_only_the_first_account_administers_the_deployment(server, second_account):
    theirs = server.client("claviger", second_account)
    for call in [lambda: theirs.create_account(Name="mine"), theirs.rotate_cluster_key]:
        with refused("AccessDeniedException", None, 400):
            call()


def test_a_stranger_is_refused(server):
    theirs = server.client("claviger", server.create_user("stranger-to-claviger"))
    for operation, call in [
        ("CreateAccount", lambda: theirs.create_account(Name="mine")),
        ("RotateClusterKey", theirs.rotate_cluster_key),
        ("RotateDomainKeys", theirs.rotate_domain_keys),
    ]:
        with refused("AccessDeniedException", None, 400) as caught:
            call()
        message = caught.value.response["Error"]["Message"]
        head = (
            f"User: arn:aws:iam::{ACCOUNT}:user/stranger-to-claviger is not authorized to perform: claviger:{operation}"
        )
        assert message.startswith(head), message


def test_the_clock_stands_without_dev_clock(claviger):
    with refused("UnsupportedOperationException", None, 400):
        claviger.set_dev_clock(Now=datetime.datetime(2040, 1, 1, tzinfo=datetime.timezone.utc))


class State:
    """Keys, ciphertexts and MACs from before a rotation, and the proof that they still serve."""

    def __init__(self, server, region):
        self.kms = server.kms(region=region)
        self.keys = [self.kms.create_key(Description=str(number))["KeyMetadata"] for number in range(3)]
        self.blobs = [
            self.kms.encrypt(KeyId=key["KeyId"], Plaintext=b"old", EncryptionContext={"a": "b"})["CiphertextBlob"]
            for key in self.keys
        ]
        mac_key = self.kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]
        self.mac = {"KeyId": mac_key["KeyId"], "Message": b"m", "MacAlgorithm": "HMAC_SHA_256"}
        self.tag = self.kms.generate_mac(**self.mac)["Mac"]

    def check(self):
        for key, blob in zip(self.keys, self.blobs, strict=True):
            opened = self.kms.decrypt(CiphertextBlob=blob, EncryptionContext={"a": "b"})
            assert (opened["Plaintext"], opened["KeyId"]) == (b"old", key["Arn"])
            assert self.kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] == key
            new = self.kms.encrypt(KeyId=key["KeyId"], Plaintext=b"new")["CiphertextBlob"]
            assert self.kms.decrypt(CiphertextBlob=new)["Plaintext"] == b"new"
        assert self.kms.generate_mac(**self.mac)["Mac"] == self.tag
        assert self.kms.verify_mac(**self.mac, Mac=self.tag)["MacValid"]


def test_rotation_changes_nothing_that_a_client_sees(own_server):
    states = [State(own_server, region) for region in (REGION, "eu-west-1")]
    user = own_server.create_user("before-rotation")
    claviger = own_server.client("claviger")
    first = claviger.rotate_domain_keys()
    assert first["Region"] == REGION
    second = claviger.rotate_domain_keys()
    assert second["DomainKeyVersion"] == first["DomainKeyVersion"] + 1
    versions = [claviger.rotate_cluster_key()["ClusterKeyVersion"] for _ in range(3)]
    assert versions == list(range(versions[0], versions[0] + 3))
    for state in states:
        state.check()
    assert own_server.client("sts", user).get_caller_identity()["Arn"].endswith("user/before-rotation")
    states.append(State(own_server, REGION))
    own_server.restart()
    for state in states:
        state.check()
    assert own_server.client("sts", user).get_caller_identity()["Arn"].endswith("user/before-rotation")


def test_rotation_while_keys_are_used_and_made(own_server):
    """Nobody who works at the same time sees an error."""
    state = State(own_server, REGION)
    claviger = own_server.client("claviger")
    stop = threading.Event()
    failures = []

    def work():
        kms = own_server.kms()
        while not stop.is_set():
            try:
                made = kms.create_key()["KeyMetadata"]["KeyId"]
                blob = kms.encrypt(KeyId=made, Plaintext=b"x")["CiphertextBlob"]
                assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"
            except Exception as error:
                failures.append(error)
                return

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for _ in range(10):
        claviger.rotate_domain_keys()
        claviger.rotate_cluster_key()
    stop.set()
    for worker in workers:
        worker.join()
    assert not failures
    state.check()
