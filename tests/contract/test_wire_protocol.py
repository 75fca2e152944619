"""The simulator as an unmodified boto3 client sees it: DRS, STS and Service Quotas on one port."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import time_machine
from botocore.config import Config
from botocore.exceptions import ClientError

from drs.simulator.testing import serve
from drs.simulator.world import World
from tests.contract.conftest import ACCESS_KEY, ACCOUNT, HOME, OTHER_ACCOUNT, ROLE

ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1})
SIGNED = "AWS4-HMAC-SHA256 Credential={key}/20260310/{region}/{service}/aws4_request, SignedHeaders=host, Signature=0"


@dataclass
class Wire:
    world: World
    url: str

    def client(self, service: str = "drs", region: str = HOME, key: str = ACCESS_KEY, token: str | None = None) -> Any:
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.url,
            aws_access_key_id=key,
            aws_secret_access_key="not-checked",
            aws_session_token=token,
            config=ONCE,
        )

    def raw(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=10)
        try:
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            connection.close()

    def signed(
        self, method: str, path: str, body: bytes = b"", service: str = "drs"
    ) -> tuple[int, dict[str, str], Any]:
        signature = SIGNED.format(key=ACCESS_KEY, region=HOME, service=service)
        status, headers, content = self.raw(method, path, body, Authorization=signature)
        return status, headers, json.loads(content) if content else None


@pytest.fixture
def wire(clock: time_machine.Traveller, credentials: None) -> Iterator[Wire]:
    world = World("small", check_answers=True)
    with serve(world) as url:
        yield Wire(world, url)


def failed(call: Callable[..., Any], **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return dict(caught.value.response)


def test_boto3s_paginator_walks_every_page(wire: Wire) -> None:
    pages = list(wire.client().get_paginator("describe_source_servers").paginate())
    assert [len(page["items"]) for page in pages] == [2, 2, 2, 1]
    limited = wire.client().describe_source_servers(maxResults=1)
    assert len(limited["items"]) == 1
    assert limited["nextToken"]


def test_a_token_is_good_for_its_own_request_only(wire: Wire) -> None:
    drs = wire.client()
    token = drs.describe_source_servers()["nextToken"]
    for operation in (drs.describe_jobs, drs.describe_recovery_instances):
        assert failed(operation, nextToken=token)["Error"]["Code"] == "ValidationException"
    assert failed(drs.describe_source_servers, nextToken="gibberish")["Error"]["Code"] == "ValidationException"


def test_success_codes_are_the_models(wire: Wire) -> None:
    drs = wire.client()
    server = drs.describe_source_servers()["items"][0]
    statuses = [
        answer["ResponseMetadata"]["HTTPStatusCode"]
        for answer in (
            drs.initialize_service(),
            drs.start_recovery(sourceServers=[{"sourceServerID": server["sourceServerID"]}]),
            drs.tag_resource(resourceArn=server["arn"], tags={"k": "v"}),
            drs.untag_resource(resourceArn=server["arn"], tagKeys=["k", "j j"]),
        )
    ]
    assert statuses == [204, 202, 200, 200]


def test_an_error_carries_its_members_where_the_model_has_them(wire: Wire) -> None:
    drs = wire.client()
    servers = [{"sourceServerID": drs.describe_source_servers()["items"][0]["sourceServerID"]}]
    drs.start_recovery(sourceServers=servers)
    conflict = failed(drs.start_recovery, sourceServers=servers)
    assert conflict["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert (conflict["Error"]["Code"], conflict["code"]) == ("ConflictException", "ConflictException")
    assert conflict["resourceId"] == servers[0]["sourceServerID"]
    with pytest.raises(drs.exceptions.ConflictException):
        drs.start_recovery(sourceServers=servers)

    wire.world.faults.add("throttle", retry_after_seconds=9)
    throttled = failed(drs.describe_jobs)
    assert throttled["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert throttled["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "9"


def test_a_validation_error_names_the_fields(wire: Wire) -> None:
    error = failed(wire.client().describe_recovery_snapshots, sourceServerID="s-!!!!!!!!!!!!!!!!!", order="SIDEWAYS")
    assert (error["Error"]["Code"], error["reason"]) == ("ValidationException", "fieldValidationFailed")
    assert {field["name"] for field in error["fieldList"]} == {"sourceServerID", "order"}


def test_unfit_requests_are_answered_not_dropped(wire: Wire) -> None:
    status, headers, answer = wire.signed("POST", "/DescribeJobs", b"{not json")
    assert (status, headers["x-amzn-ErrorType"], answer["reason"]) == (400, "ValidationException", "cannotParse")
    assert wire.signed("POST", "/DescribeJobs", b"[]")[2]["reason"] == "cannotParse"
    assert wire.signed("POST", "/DescribeJobs", b'{"filters": 3}')[0] == 400
    assert wire.signed("POST", "/DescribeJobs", b'{"unknown": 3, "nextToken": null}')[0] == 200
    assert wire.signed("POST", "/MakeCoffee")[2]["message"] == "DRS has no POST /MakeCoffee."
    assert wire.signed("GET", "/DescribeJobs")[0] == 404
    assert wire.signed("POST", "/DescribeJobs", service="ec2")[0] == 404


def test_a_request_without_signature_is_refused(wire: Wire) -> None:
    status, headers, body = wire.raw("POST", "/DescribeJobs")
    assert (status, headers["x-amzn-ErrorType"]) == (403, "MissingAuthenticationTokenException")
    assert json.loads(body) == {"message": "Missing Authentication Token"}


def test_an_operation_it_does_not_have_yet_says_so(wire: Wire) -> None:
    error = failed(wire.client().list_staging_accounts, maxResults=5)
    assert (error["Error"]["Code"], error["reason"]) == ("ValidationException", "unknownOperation")
    assert error["Error"]["Message"] == "The simulator does not have ListStagingAccounts yet."


def test_dates_take_both_forms_of_real_answers(wire: Wire) -> None:
    drs = wire.client()
    servers = [{"sourceServerID": drs.describe_source_servers()["items"][0]["sourceServerID"]}]
    job = drs.start_recovery(sourceServers=servers)["job"]
    assert job["creationDateTime"] == "2026-03-10T08:00:00.000Z"
    with time_machine.travel(datetime(2026, 3, 10, 8, 30, tzinfo=UTC), tick=False):
        log = drs.describe_job_log_items(jobID=job["jobID"])["items"]
    assert log[0]["logDateTime"] == "2026-03-10T08:00:00.400000+00:00"


def test_jobs_are_filtered_by_the_date_they_show(wire: Wire, clock: time_machine.Traveller) -> None:
    drs = wire.client()
    dates = []
    for server in drs.describe_source_servers()["items"]:
        clock.shift(timedelta(seconds=61.2345678))
        dates.append(drs.start_recovery(sourceServers=[{"sourceServerID": server["sourceServerID"]}])["job"])
    first, second = (job["creationDateTime"] for job in dates)

    def found(**filters: str) -> list[str]:
        return [job["creationDateTime"] for job in drs.describe_jobs(filters=filters)["items"]]

    assert found(fromDate=second) == [second]
    assert found(toDate=first) == [first]
    assert found(fromDate=first, toDate=second) == [second, first]
    tea = {"fromDate": "yesterday, shortly after tea"}
    assert failed(drs.describe_jobs, filters=tea)["Error"]["Code"] == "ValidationException"


def test_tags_of_jobs_and_instances_by_arn(wire: Wire, clock: time_machine.Traveller) -> None:
    drs = wire.client()
    server = drs.describe_source_servers()["items"][0]
    job = drs.start_recovery(sourceServers=[{"sourceServerID": server["sourceServerID"]}], tags={"run": "1"})["job"]
    clock.shift(timedelta(minutes=20))
    (instance,) = drs.describe_recovery_instances()["items"]
    assert drs.list_tags_for_resource(resourceArn=job["arn"])["tags"] == {"run": "1"}
    drs.tag_resource(resourceArn=instance["arn"], tags={"a/b c": "d"})
    assert drs.list_tags_for_resource(resourceArn=instance["arn"])["tags"]["a/b c"] == "d"
    elsewhere = job["arn"].replace(HOME, "eu-west-1")
    assert failed(drs.list_tags_for_resource, resourceArn=elsewhere)["Error"]["Code"] == "ResourceNotFoundException"


def test_sts_says_who_calls(wire: Wire) -> None:
    answer = wire.client("sts").get_caller_identity()
    assert (answer["Account"], answer["Arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/drsorch")


def test_a_role_is_taken_on_until_its_session_ends(wire: Wire, clock: time_machine.Traveller) -> None:
    answer = wire.client("sts").assume_role(
        RoleArn=ROLE, RoleSessionName="dana", ExternalId="drsorch-demo", DurationSeconds=900
    )
    keys = answer["Credentials"]
    assert keys["Expiration"] == datetime(2026, 3, 10, 8, 15, tzinfo=UTC)
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{OTHER_ACCOUNT}:assumed-role/drsorch/dana"
    session = {"region": "eu-west-1", "key": keys["AccessKeyId"], "token": keys["SessionToken"]}
    assert len(wire.client(**session).describe_source_servers()["items"]) == 2
    assert wire.client("sts", **session).get_caller_identity()["Account"] == OTHER_ACCOUNT
    stolen = session | {"token": "guessed"}
    assert failed(wire.client(**stolen).describe_jobs)["Error"]["Code"] == "UnrecognizedClientException"
    clock.shift(timedelta(minutes=15))
    assert failed(wire.client(**session).describe_jobs)["Error"]["Code"] == "ExpiredTokenException"
    assert failed(wire.client("sts", **session).get_caller_identity)["Error"]["Code"] == "ExpiredToken"


@pytest.mark.parametrize(
    ("params", "status", "code"),
    [
        ({"RoleArn": ROLE, "ExternalId": "no"}, 403, "AccessDenied"),
        ({"RoleArn": ROLE}, 403, "AccessDenied"),
        ({"RoleArn": "arn:aws:iam::000000000000:role/x", "ExternalId": "drsorch-demo"}, 403, "AccessDenied"),
        ({"RoleArn": ROLE, "DurationSeconds": 43201}, 400, "ValidationError"),
        ({"RoleArn": ROLE, "RoleSessionName": "not allowed"}, 400, "ValidationError"),
    ],
)
def test_sts_refuses(wire: Wire, params: dict[str, Any], status: int, code: str) -> None:
    error = failed(wire.client("sts").assume_role, **{"RoleSessionName": "dana", **params})
    assert (error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]) == (status, code)


def test_an_unknown_key_is_unknown_to_every_service(wire: Wire) -> None:
    stranger = "AKIANOBODYKNOWSTHIS0"
    assert failed(wire.client(key=stranger).describe_jobs)["Error"]["Code"] == "UnrecognizedClientException"
    assert failed(wire.client("sts", key=stranger).get_caller_identity)["Error"]["Code"] == "InvalidClientTokenId"
    quotas = wire.client("service-quotas", key=stranger)
    assert failed(quotas.list_service_quotas, ServiceCode="drs")["Error"]["Code"] == "UnrecognizedClientException"


def test_sts_has_no_more_than_it_has(wire: Wire) -> None:
    assert failed(wire.client("sts").get_session_token)["Error"]["Code"] == "InvalidAction"


def test_service_quotas_lists_drs_in_pages(wire: Wire) -> None:
    quotas = wire.client("service-quotas")
    pages = list(quotas.get_paginator("list_service_quotas").paginate(ServiceCode="drs"))
    assert len(pages) == 2
    values = {quota["QuotaCode"]: quota["Value"] for page in pages for quota in page["Quotas"]}
    assert values == {"L-D88FAC3A": 20, "L-B827C881": 100, "L-05AFA8C6": 500, "L-E28BE5E0": 4000}
    assert quotas.get_service_quota(ServiceCode="drs", QuotaCode="L-B827C881")["Quota"]["Value"] == 100
    assert quotas.list_aws_default_service_quotas(ServiceCode="drs")["Quotas"]


def test_service_quotas_refuses(wire: Wire) -> None:
    quotas = wire.client("service-quotas")
    assert failed(quotas.list_service_quotas, ServiceCode="ec2")["Error"]["Code"] == "NoSuchResourceException"
    missing = failed(quotas.get_service_quota, ServiceCode="drs", QuotaCode="L-00000000")
    assert missing["Error"]["Code"] == "NoSuchResourceException"
    malformed = failed(quotas.list_service_quotas, ServiceCode="drs", NextToken="two")
    assert malformed["Error"]["Code"] == "InvalidPaginationTokenException"
    assert failed(quotas.list_services)["Error"]["Code"] == "UnknownOperationException"
    assert failed(quotas.list_service_quotas, ServiceCode="1 2")["Error"]["Code"] == "IllegalArgumentException"


def test_connections_are_kept(wire: Wire) -> None:
    connection = http.client.HTTPConnection(urlsplit(wire.url).netloc, timeout=10)
    signature = SIGNED.format(key=ACCESS_KEY, region=HOME, service="drs")
    for _ in range(3):
        connection.request("POST", "/DescribeJobs", b"{}", {"Authorization": signature})
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, {"items": []})
        assert connection.sock is not None
    connection.close()
