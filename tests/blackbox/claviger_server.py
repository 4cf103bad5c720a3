"""Runs the real binary on a free loopback port with a data directory of its own, and makes clients for it.

Knows the command line and the files that the contract promises, and nothing of what is inside them.
"""

import configparser
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import boto3
import botocore.config
import botocore.session

import reply_shapes

ROOT = Path(__file__).resolve().parents[2]
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
BINARY = Path(os.environ.get("CLAVIGER_BINARY", TARGET / "debug" / "claviger"))
MODELS = ROOT / "models"
REGION = "us-east-1"
ACCOUNT = "111122223333"
START_SECONDS = 60


@dataclass(frozen=True)
class Credentials:
    """An access key with its secret, and a session's token; printing one shows neither."""

    access_key_id: str
    secret: str
    token: str | None = None

    def __repr__(self):
        return f"Credentials({self.access_key_id})"


class Server:
    """One server process on one data directory. Restarting keeps the port, so that clients stay valid."""

    def __init__(
        self, data_dir, *arguments, command=None, scheme="http", ca_bundle=None, environment=None, preexec=None
    ):
        self.data_dir = Path(data_dir)
        self.arguments = list(arguments)
        self.command = command or ["serve", "--dev"]
        self.scheme = scheme
        self.ca_bundle = ca_bundle
        self.environment = environment or {}
        self.preexec = preexec
        self.port = free_port()
        self.log = self.data_dir.with_name(self.data_dir.name + ".log")
        self.process = None

    @property
    def endpoint(self):
        host = "localhost" if self.scheme == "https" else "127.0.0.1"
        return f"{self.scheme}://{host}:{self.port}"

    def launch(self):
        """Starts the process without waiting for it to serve."""
        command = [
            str(BINARY),
            *self.command,
            *("--data-dir", str(self.data_dir)),
            *("--listen", f"127.0.0.1:{self.port}"),
            *self.arguments,
        ]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=plain_environment(**self.environment),
                preexec_fn=self.preexec,
            )
        return self

    def start(self):
        self.launch()
        wait_until(self.answers_or_exited, START_SECONDS, f"the server to serve; its log ends with\n{self.log_tail()}")
        assert self.process.poll() is None, f"the server exited with {self.process.returncode}:\n{self.log_tail()}"
        return self

    def answers_or_exited(self):
        return self.process.poll() is not None or self.healthy()

    def healthy(self):
        if self.scheme == "https":
            return can_connect(self.port)
        try:
            return self.get("/healthz")[0] == 200
        except OSError:
            return False

    def get(self, path):
        """Status and body of a plain GET."""
        try:
            with urllib.request.urlopen(self.endpoint + path, timeout=10) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def terminate(self):
        """SIGTERM, and wait: a server that drains exits with 0."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def kill(self):
        self.process.kill()
        self.process.wait(timeout=60)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=60)

    def restart(self):
        self.terminate()
        return self.start()

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self):
        return "\n".join(self.log_text().splitlines()[-20:])

    @property
    def admin(self):
        """The admin of the first account, as the credentials file tells."""
        profile = self.profile()
        return Credentials(profile["aws_access_key_id"], profile["aws_secret_access_key"])

    def profile(self):
        parser = configparser.ConfigParser()
        parser.read(self.data_dir / "credentials")
        return dict(parser["default"])

    def client(self, service, credentials=None, region=REGION, **config):
        """A boto3 client that does not retry unless told to, and that checks each reply against the service model."""
        credentials = credentials or self.admin
        session = botocore.session.Session()
        session.get_component("data_loader").search_paths.append(str(MODELS))
        client = boto3.Session(botocore_session=session).client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret,
            aws_session_token=credentials.token,
            verify=str(self.ca_bundle) if self.ca_bundle else None,
            config=botocore.config.Config(
                retries=config.pop("retries", {"total_max_attempts": 1}),
                connect_timeout=30,
                read_timeout=60,
                max_pool_connections=64,
                **config,
            ),
        )
        if service in ("kms", "claviger", "cloudtrail"):
            client.meta.events.register("before-parse." + service, reply_shapes.check)
        return client

    def kms(self, credentials=None, region=REGION, **config):
        return self.client("kms", credentials, region, **config)

    def client_environment(self, credentials=None, region=REGION):
        """The environment in which a command-line client finds this server."""
        credentials = credentials or self.admin
        environment = {
            "AWS_ACCESS_KEY_ID": credentials.access_key_id,
            "AWS_SECRET_ACCESS_KEY": credentials.secret,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "AWS_DATA_PATH": str(MODELS),
            "AWS_MAX_ATTEMPTS": "1",
        }
        if credentials.token:
            environment["AWS_SESSION_TOKEN"] = credentials.token
        if self.ca_bundle:
            environment["AWS_CA_BUNDLE"] = str(self.ca_bundle)
        return plain_environment(**environment)

    def run(self, *arguments, credentials=None, region=REGION):
        """A client command of the binary itself, such as `claviger account create`."""
        return run_binary(*arguments, environment=self.client_environment(credentials, region))

    def create_account(self, account_id, name):
        """Another account's admin, by the command that the contract promises."""
        done = self.run("account", "create", "--id", account_id, "--name", name, "--output", "json")
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        access_key = json.loads(done.stdout)["AccessKey"]
        return Credentials(access_key["AccessKeyId"], access_key["SecretAccessKey"])

    def create_user(self, name, *policies, admin=None):
        """A user with these inline policies; returns the user's access key."""
        iam = self.client("iam", admin)
        iam.create_user(UserName=name)
        for number, policy in enumerate(policies):
            iam.put_user_policy(UserName=name, PolicyName=f"policy-{number}", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return Credentials(key["AccessKeyId"], key["SecretAccessKey"])


def run_binary(*arguments, environment=None, timeout=120):
    return subprocess.run(
        [str(BINARY), *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environment or plain_environment(),
        timeout=timeout,
        check=False,
    )


def plain_environment(**more):
    """What a program needs to run, without any AWS setting of the person who runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CLAVIGER_"))}
    nowhere = {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return {**kept, **nowhere, **more}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def wait_until(condition, seconds, what):
    """Asks again until it holds; fails after that many seconds, naming what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.01)
