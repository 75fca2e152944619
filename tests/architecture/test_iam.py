"""The role in `deploy/aws/site-role.yaml` may call what drsorch's code can call, all of it and no more; and so may
`deploy/aws/heads-policy.json` and `deploy/aws/evidence-policy.json`, of S3."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest
import yaml
from botocore import xform_name

from drs import failures
from tests.architecture.source import LAYERS, ROOT, tracked_files, tree

TEMPLATE = ROOT / "deploy/aws/site-role.yaml"
#: Modules that name operations without calling them.
NAMES_ONLY = ("drs/failures.py", "drs/simulator/")
#: Operations that need nothing of the role: the first is allowed to everybody, the second is what gets drsorch into it.
NOT_OF_THE_ROLE = {"sts:GetCallerIdentity", "sts:AssumeRole"}
#: What StartRecovery depends on, by the service authorization reference, and what AWS's managed policy
#: AWSElasticDisasterRecoveryConsoleFullAccess_v2 grants for launches beyond that (docs/drs.md 11).
THROUGH_START_RECOVERY = {"drs:CreateRecoveryInstanceForDrs", "drs:ListTagsForResource", "drs:TagResource"}
_BY_THE_REFERENCE = """
    AttachVolume AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateLaunchTemplate
    CreateLaunchTemplateVersion CreateSnapshot CreateTags CreateVolume DeleteLaunchTemplateVersions DeleteSnapshot
    DeleteVolume DescribeAccountAttributes DescribeAvailabilityZones DescribeImages DescribeInstanceAttribute
    DescribeInstanceStatus DescribeInstanceTypes DescribeInstances DescribeLaunchTemplateVersions
    DescribeLaunchTemplates DescribeSecurityGroups DescribeSnapshots DescribeSubnets DescribeVolumes DetachVolume
    ModifyInstanceAttribute ModifyLaunchTemplate RevokeSecurityGroupEgress RunInstances StartInstances StopInstances
    TerminateInstances
"""
_BY_THE_MANAGED_POLICY = """
    AssociateIamInstanceProfile CreateFleet CreateNetworkInterface CreateNetworkInterfacePermission CreateSecurityGroup
    DescribeCapacityReservations DescribeHosts DescribeInstanceTypeOfferings GetInstanceTypesFromInstanceRequirements
"""
THROUGH_DRS = {"iam:PassRole", *(f"ec2:{name}" for name in (_BY_THE_REFERENCE + _BY_THE_MANAGED_POLICY).split())}


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as {"!Name": value}."""


def _short_form(loader: yaml.SafeLoader, name: str, node: yaml.Node) -> dict[str, Any]:
    match node:
        case yaml.ScalarNode():
            return {f"!{name}": loader.construct_scalar(node)}
        case yaml.SequenceNode():
            return {f"!{name}": loader.construct_sequence(node, deep=True)}
        case yaml.MappingNode():
            return {f"!{name}": loader.construct_mapping(node, deep=True)}
    raise AssertionError(node)


yaml.add_multi_constructor("!", _short_form, Loader=_Loader)


@cache
def statements() -> tuple[dict[str, Any], ...]:
    template = yaml.load(TEMPLATE.read_text(), Loader=_Loader)
    policies = [one for one in template["Resources"].values() if one["Type"] == "AWS::IAM::RolePolicy"]
    return tuple(said for one in policies for said in one["Properties"]["PolicyDocument"]["Statement"])


def granted(prefix: str) -> set[str]:
    """The actions of the statements whose Sid begins so."""
    found = [said["Action"] for said in statements() if said["Sid"].startswith(prefix)]
    return {action for one in found for action in ([one] if isinstance(one, str) else one)}


# --- what the code can call ---------------------------------------------------------------------------------------


@cache
def services() -> dict[str, set[str]]:
    """The services of which `drs/aws.py` makes clients, each with its operations."""
    known = set(boto3.Session().get_available_services())
    named = {node.value for node in ast.walk(tree(ROOT / "drs/aws.py")) if isinstance(node, ast.Constant)} & known
    return {name: set(_operations(name)) for name in named}


def _operations(service: str) -> list[str]:
    client = boto3.client(
        service, region_name="eu-central-1", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="secret"
    )
    return list(client.meta.service_model.operation_names)


def _named(path: Any) -> Iterator[str]:
    """Operations that a module names as text, or calls as a method of a client."""
    operations = {operation for of_one in services().values() for operation in of_one}
    methods = {xform_name(operation): operation for operation in operations}
    is_the_edge = path == ROOT / "drs/aws.py"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Constant) and node.value in operations:
            yield str(node.value)
        elif is_the_edge and isinstance(node, ast.Attribute) and node.attr in methods:
            yield methods[node.attr]


def called() -> set[str]:
    """Every action that the product's code can call, in IAM's words."""
    found = set()
    for path in tracked_files():
        name = path.relative_to(ROOT).as_posix()
        if path.suffix != ".py" or name.split("/")[0] not in (*LAYERS, "drs") or name.startswith(NAMES_ONLY):
            continue
        for operation in _named(path):
            [service] = [service for service, operations in services().items() if operation in operations]
            prefix = failures.SERVICES.get(operation, ("DRS", "drs"))[1]
            assert prefix.replace("servicequotas", "service-quotas") == service, operation
            found.add(f"{prefix}:{failures.ACTIONS.get(operation, operation)}")
    return found


def of_s3() -> set[str]:
    """What is called as drsorch's own identity, not as a site's role: the buckets of heads and of reports."""
    return {action for action in called() if action.startswith("s3:")}


def test_the_role_may_call_what_the_code_can_call_and_no_more() -> None:
    assert called() - NOT_OF_THE_ROLE - of_s3() == granted("Call")


#: Parameter or member of an answer -> what it asks for beyond the operation, by
#: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
OF_LOCKED_COPIES = {
    "ObjectLockMode": "s3:PutObjectRetention",
    "VersionId": "s3:GetObjectVersion",
    "ObjectLockRetainUntilDate": "s3:GetObjectRetention",
}


@pytest.mark.parametrize(("policy", "more"), [("heads", {}), ("evidence", OF_LOCKED_COPIES)])
def test_the_policy_of_a_bucket_grants_what_the_code_can_call_and_no_more(policy: str, more: dict[str, str]) -> None:
    statements = json.loads((ROOT / f"deploy/aws/{policy}-policy.json").read_text())["Statement"]
    actions = [one["Action"] for one in statements]
    named = {node.value for node in ast.walk(tree(ROOT / "drs/objects.py")) if isinstance(node, ast.Constant)}
    named |= {node.arg for node in ast.walk(tree(ROOT / "drs/objects.py")) if isinstance(node, ast.keyword)}
    assert named >= more.keys()
    granted = {action for one in actions for action in ([one] if isinstance(one, str) else one)}
    assert granted == of_s3() | set(more.values()) != set()
    assert all(one["Effect"] == "Allow" and one["Resource"].startswith("arn:aws:s3:::BUCKET") for one in statements)


def test_what_drs_does_with_the_callers_rights_is_granted_and_no_more() -> None:
    assert granted("Through") == THROUGH_START_RECOVERY | THROUGH_DRS


def test_each_statement_says_whose_call_it_is_about() -> None:
    assert [said["Sid"] for said in statements() if not said["Sid"].startswith(("Call", "Through"))] == []


@pytest.mark.parametrize("action", sorted(action for action in THROUGH_DRS if "Describe" not in action))
def test_what_drs_changes_with_the_callers_rights_cannot_be_called_for_anything_else(action: str) -> None:
    """Tags on what is being created, and templates that are DRS's, are bound to that instead."""
    for said in statements():
        if action in ([said["Action"]] if isinstance(said["Action"], str) else said["Action"]):
            assert said.get("Condition") or action.startswith("ec2:Get"), said["Sid"]


def test_the_role_lets_its_caller_be_named() -> None:
    """By the same principal. The external id is checked where the role is assumed."""
    role = yaml.load(TEMPLATE.read_text(), Loader=_Loader)["Resources"]["Role"]["Properties"]
    assume, name = role["AssumeRolePolicyDocument"]["Statement"]
    assert (assume["Action"], name["Action"]) == ("sts:AssumeRole", "sts:SetSourceIdentity")
    assert assume["Principal"] == name["Principal"]
    assert "Condition" not in name
    assert '"Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]' in (ROOT / "README.md").read_text()


def test_the_template_names_no_partition() -> None:
    text = re.sub(r"AllowedPattern:.*", "", TEMPLATE.read_text())
    assert set(re.findall(r"arn:(\$\{[^}]*\}|[\w-]+):", text)) == {"${AWS::Partition}"}
