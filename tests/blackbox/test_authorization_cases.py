"""Every case of `tests/authorization-cases.json`, through the real server: principals made by IAM calls, a key and
grants by their owner, the request by boto3. Each case has two accounts of its own."""

import itertools
import json
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from claviger_server import REGION, Credentials

CASES = json.loads((Path(__file__).parents[1] / "authorization-cases.json").read_text())["cases"]
NUMBERS = itertools.count(300_000_000_000)

ALIAS = "alias/case"

# A case that asks another operation than these needs to say here how a request of it looks.
PARAMETERS = {
    "Encrypt": {"Plaintext": b"x"},
    "DisableKey": {},
}


class World:
    """Two accounts and the key of one case."""

    def __init__(self, server):
        self.server = server
        self.ids = {name: f"{next(NUMBERS):012}" for name in "AB"}
        self.admins = {name: server.create_account(number, name) for name, number in self.ids.items()}
        self.words = {"${A}": self.ids["A"], "${B}": self.ids["B"], "${ALIAS}": ALIAS}

    def filled(self, value):
        """The value as JSON text with the case's placeholders filled in; policy variables stay as they are."""
        text = json.dumps(value)
        for placeholder, word in self.words.items():
            text = text.replace(placeholder, word)
        return text

    def make_principal(self, caller):
        """Makes the caller and names its ARN, so that policies can be written with it."""
        account = caller["account"]
        iam = self.server.client("iam", self.admins[account])
        tags = [{"Key": key, "Value": value} for key, value in caller.get("tags", {}).items()]
        if "user" in caller:
            made = iam.create_user(UserName=caller["user"], Tags=tags)["User"]
        else:
            trust = {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": f"arn:aws:iam::{self.ids[account]}:user/admin"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            }
            made = iam.create_role(RoleName=caller["role"], AssumeRolePolicyDocument=json.dumps(trust), Tags=tags)["Role"]
        self.words["${CALLER}"] = made["Arn"]

    def make_key(self, key):
        kms = self.server.kms(self.admins["A"])
        tags = [{"TagKey": name, "TagValue": value} for name, value in key.get("tags", {}).items()]
        made = kms.create_key(Tags=tags)["KeyMetadata"]
        self.key_id, self.words["${KEY}"] = made["KeyId"], made["Arn"]
        if key.get("alias"):
            kms.create_alias(AliasName=ALIAS, TargetKeyId=self.key_id)
        kms.put_key_policy(KeyId=self.key_id, Policy=self.filled(key["policy"]))

    def give_policies(self, caller):
        iam = self.server.client("iam", self.admins[caller["account"]])
        kind = "user" if "user" in caller else "role"
        name = {"UserName": caller["user"]} if kind == "user" else {"RoleName": caller["role"]}

        def managed(policy, policy_name):
            made = iam.create_policy(PolicyName=policy_name, PolicyDocument=self.filled(policy))
            return made["Policy"]["Arn"]

        for number, policy in enumerate(caller["policies"]):
            put = getattr(iam, f"put_{kind}_policy")
            put(**name, PolicyName=f"inline-{number}", PolicyDocument=self.filled(policy))
        for number, policy in enumerate(caller.get("managed_policies", [])):
            getattr(iam, f"attach_{kind}_policy")(**name, PolicyArn=managed(policy, f"managed-{number}"))
        if caller.get("boundary"):
            put = getattr(iam, f"put_{kind}_permissions_boundary")
            put(**name, PermissionsBoundary=managed(caller["boundary"], "boundary"))
        if caller.get("group_policies"):
            iam.create_group(GroupName="group")
            iam.add_user_to_group(GroupName="group", **name)
            for number, policy in enumerate(caller["group_policies"]):
                iam.put_group_policy(
                    GroupName="group", PolicyName=f"group-{number}", PolicyDocument=self.filled(policy)
                )

    def make_grants(self, grants):
        kms = self.server.kms(self.admins["A"])
        for grant in grants:
            more = {"Constraints": grant["constraints"]} if grant.get("constraints") else {}
            kms.create_grant(
                KeyId=self.key_id,
                GranteePrincipal=self.words["${CALLER}"],
                Operations=grant["operations"],
                **more,
            )

    def credentials(self, caller):
        admin = self.admins[caller["account"]]
        if "user" in caller:
            key = self.server.client("iam", admin).create_access_key(UserName=caller["user"])["AccessKey"]
            return Credentials(key["AccessKeyId"], key["SecretAccessKey"])
        session = caller["session"]
        more = {"Policy": self.filled(caller["session_policy"])} if caller.get("session_policy") else {}
        made = self.server.client("sts", admin).assume_role(
            RoleArn=self.words["${CALLER}"],
            RoleSessionName=session if len(session) > 1 else f"{session}1",
            **more,
        )["Credentials"]
        return Credentials(made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"])

    def key_as(self, form):
        account = self.ids["A"]
        return {
            "id": self.key_id,
            "arn": self.words["${KEY}"],
            "alias": ALIAS,
            "alias_arn": f"arn:aws:kms:{REGION}:{account}:{ALIAS}",
        }[form]


def on_the_wire(case):
    """The case with its session's name as it is sent: a name of one character is not taken."""
    text = json.dumps(case)
    return json.loads(text.replace(":assumed-role/r/s\"", ":assumed-role/r/s1\""))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(server, case):
    case = on_the_wire(case)
    world = World(server)
    caller, request = case["caller"], case["request"]
    world.make_principal(caller)
    world.make_key(case["key"])
    world.give_policies(caller)
    world.make_grants(case["grants"])
    kms = server.kms(world.credentials(caller))
    operation = {"Encrypt": kms.encrypt, "DisableKey": kms.disable_key}[request["operation"]]
    parameters = {**PARAMETERS[request["operation"]], **json.loads(world.filled(request["params"]))}
    try:
        operation(KeyId=world.key_as(request["by"]), **parameters)
        decided = "allow"
    except ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDeniedException", (case["why"], error)
        decided = "deny"
    assert decided == case["expect"], case["why"]


def test_all_cases_are_there():
    assert len(CASES) >= 56 and {case["expect"] for case in CASES} == {"allow", "deny"}
