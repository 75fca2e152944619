"""What a site's account, Region, role and endpoint must be, one by one and together."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import botocore
import pytest

from protection.core.site_rules import PARTITIONS, partition_of, site_errors

GOOD = {
    "account_id": "111122223333", "region": "eu-central-1", "role_arn": "", "external_id": "", "endpoint_url": "",
}  # fmt: skip
TWELVE = "An AWS account id has 12 digits."
ENDPOINT = "An endpoint is written like https://host or http://host:port."


def errors(**changes: str) -> list[tuple[str, str]]:
    return [(error.attr, error.detail) for error in site_errors(**{**GOOD, **changes})]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"role_arn": "arn:aws:iam::111122223333:role/drsorch", "external_id": "an-id_1=2,3@4:5/6"},
        {"role_arn": "arn:aws:iam::111122223333:role/teams/dr/drsorch"},
        {"region": "us-gov-west-1", "role_arn": "arn:aws-us-gov:iam::111122223333:role/drsorch"},
        {"region": "cn-north-1", "role_arn": "arn:aws-cn:iam::111122223333:role/drsorch"},
        {"region": "eusc-de-east-1"},
        {"endpoint_url": "https://vpce-1.drs.eu-central-1.vpce.amazonaws.com"},
        {"endpoint_url": "http://simulator:8080/"},
        {"endpoint_url": "http://127.0.0.1:8080/base"},
        {"endpoint_url": "http://[::1]:8080"},
    ],
)
def test_what_fits_together_is_taken(changes: dict[str, str]) -> None:
    assert errors(**changes) == []


@pytest.mark.parametrize(
    ("changes", "attr", "why"),
    [
        ({"account_id": "11112222333"}, "account_id", "This one has 11: spreadsheets and YAML drop zeros"),
        ({"account_id": "1111222233334"}, "account_id", "12 digits"),
        ({"account_id": "١١١١٢٢٢٢٣٣٣٣"}, "account_id", "0 to 9"),
        ({"account_id": "11112222333\n"}, "account_id", "12 digits"),
        ({"account_id": "111122223333\n"}, "account_id", "12 digits"),
        ({"account_id": ""}, "account_id", "12 digits"),
        ({"region": "eu-central"}, "region", "not a Region"),
        ({"region": "eu-central-١"}, "region", "not a Region"),
        ({"region": "xx-central-1"}, "region", "not a Region"),
        ({"region": "eu-central-1a"}, "region", "not a Region"),
        ({"region": "EU-CENTRAL-1"}, "region", "not a Region"),
        ({"region": "eu-central-1\n"}, "region", "not a Region"),
        ({"role_arn": "arn:aws:iam::999922223333:role/x"}, "role_arn", "belongs to account 999922223333"),
        (
            {"region": "us-gov-west-1", "role_arn": "arn:aws:iam::111122223333:role/x"},
            "role_arn",
            "us-gov-west-1 is in partition aws-us-gov",
        ),
        ({"region": "cn-north-1", "role_arn": "arn:aws:iam::111122223333:role/x"}, "role_arn", "partition aws-cn"),
        ({"role_arn": "arn:aws-cn:iam::111122223333:role/x"}, "role_arn", "partition aws,"),
        ({"role_arn": "arn:aws:iam::111122223333:user/x"}, "role_arn", "arn:aws:iam::111122223333:role/name"),
        ({"role_arn": "arn:aws:iam::111122223333:role/a b"}, "role_arn", "looks like"),
        ({"role_arn": "arn:aws:iam::111122223333:role/x\n"}, "role_arn", "looks like"),
        ({"role_arn": "arn:aws:sts::111122223333:assumed-role/x/y"}, "role_arn", "looks like"),
        ({"external_id": "x"}, "external_id", "2 to 1224"),
        ({"external_id": "a b"}, "external_id", "2 to 1224"),
        ({"endpoint_url": "ftp://host"}, "endpoint_url", "https://host"),
        ({"endpoint_url": "host:8080"}, "endpoint_url", "https://host"),
        ({"endpoint_url": "https://"}, "endpoint_url", "https://host"),
        ({"endpoint_url": "https://host:99999"}, "endpoint_url", "https://host"),
        ({"endpoint_url": "https://host:0"}, "endpoint_url", "https://host"),
        ({"endpoint_url": "https://host:port"}, "endpoint_url", "https://host"),
        ({"endpoint_url": "https://host:"}, "endpoint_url", "https://host"),
        ({"endpoint_url": "https://ho st"}, "endpoint_url", "https://host"),
        ({"endpoint_url": "https://[::1"}, "endpoint_url", "https://host"),
        ({"endpoint_url": "https://host\\@other"}, "endpoint_url", "https://host"),
        ({"endpoint_url": "https://höst"}, "endpoint_url", "https://host"),
        ({"endpoint_url": "https://user:pass@host"}, "endpoint_url", "no user and password"),
        ({"endpoint_url": "https://user@host"}, "endpoint_url", "no user and password"),
        ({"endpoint_url": "https://@host"}, "endpoint_url", "no user and password"),
        ({"endpoint_url": "https://host?x=1"}, "endpoint_url", "without ? and #"),
        ({"endpoint_url": "https://host#x"}, "endpoint_url", "without ? and #"),
    ],
)
def test_what_does_not_is_said_at_its_field(changes: dict[str, str], attr: str, why: str) -> None:
    found = errors(**changes)
    assert [where for where, _ in found] == [attr], found
    assert why in found[0][1]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"account_id": "0"}, f"{TWELVE} This one has 1: spreadsheets and YAML drop zeros at the beginning."),
        (
            {"account_id": "11112222333"},
            f"{TWELVE} This one has 11: spreadsheets and YAML drop zeros at the beginning.",
        ),
        ({"account_id": "1111222233334"}, "An AWS account id has 12 digits, 0 to 9."),
        ({"account_id": "١١١١٢٢٢٢٣٣٣٣"}, "An AWS account id has 12 digits, 0 to 9."),
        ({"account_id": "1111-2222-3333"}, TWELVE),
        ({"region": "Frankfurt"}, "“Frankfurt” is not a Region of AWS. A Region is written like eu-central-1."),
        ({"role_arn": "drsorch"}, "A role looks like arn:aws:iam::111122223333:role/name."),
        (
            {"role_arn": "drsorch", "region": "cn-north-1"},
            "A role looks like arn:aws-cn:iam::111122223333:role/name.",
        ),
        (
            {"role_arn": "arn:aws:iam::111122223333:role/x", "region": "cn-north-1"},
            "Region cn-north-1 is in partition aws-cn, but the role is in aws: write arn:aws-cn:iam::…",
        ),
        (
            {"role_arn": "arn:aws:iam::999922223333:role/x"},
            "The role belongs to account 999922223333, but the site is account 111122223333. Use a role of the site's "
            "own account.",
        ),
        (
            {"external_id": "x"},
            "An external id has 2 to 1224 characters: letters, digits and + = , . @ : / _ -.",
        ),
        ({"endpoint_url": "ftp://host"}, ENDPOINT),
        ({"endpoint_url": "https://host/ä"}, ENDPOINT),
        ({"endpoint_url": "https://host/\x7f"}, ENDPOINT),
        ({"endpoint_url": "https://host/a b"}, ENDPOINT),
        ({"endpoint_url": "https://host/a\\b"}, ENDPOINT),
        (
            {"endpoint_url": "https://user:pass@host"},
            "An endpoint has no user and password: drsorch signs its calls with AWS credentials.",
        ),
        ({"endpoint_url": "https://host?x=1"}, "An endpoint is an address alone, without ? and #."),
        ({"endpoint_url": "https://host?"}, "An endpoint is an address alone, without ? and #."),
        ({"endpoint_url": "https://host#"}, "An endpoint is an address alone, without ? and #."),
    ],
)
def test_each_mistake_word_by_word(changes: dict[str, str], sentence: str) -> None:
    assert [said for _, said in errors(**changes)] == [sentence]


def test_a_role_is_shown_as_an_example_even_if_account_and_region_are_wrong_too() -> None:
    found = dict(errors(account_id="1", region="nowhere", role_arn="drsorch"))
    assert found["role_arn"] == "A role looks like arn:aws:iam::123456789012:role/name."
    assert partition_of("nowhere") == ""


def partitions() -> list[dict[str, Any]]:
    document = json.loads((Path(botocore.__file__).parent / "data/partitions.json").read_text())
    return list(document["partitions"])


def test_partitions_are_those_of_aws_and_every_region_of_theirs_is_one() -> None:
    assert {one["id"] for one in partitions()} == set(PARTITIONS)
    for one in partitions():
        regions = [name for name in one["regions"] if re.search(r"-\d+$", name)]
        assert regions
        assert {partition_of(name) for name in regions} == {one["id"]}
