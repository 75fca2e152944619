"""A drill by the generated Python client: a group, a plan, a run, its end, its report.

Prints what the test wants to know: DRSORCH_URL=… DRSORCH_TOKEN=… python drill.py <site> <name>
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TypeVar

from drsorch_client import AuthenticatedClient
from drsorch_client.api.executions import executions_create, executions_read, executions_report_read
from drsorch_client.api.plans import plans_create, plans_readiness_read, plans_replace
from drsorch_client.api.protection_groups import protection_groups_create, protection_groups_members_list
from drsorch_client.api.source_servers import source_servers_list
from drsorch_client.models.execution import Execution
from drsorch_client.models.execution_kind import ExecutionKind
from drsorch_client.models.paginated_source_server_list import PaginatedSourceServerList
from drsorch_client.models.plan import Plan
from drsorch_client.models.plan_request import PlanRequest
from drsorch_client.models.problem import Problem
from drsorch_client.models.protection_group import ProtectionGroup
from drsorch_client.models.protection_group_request import ProtectionGroupRequest
from drsorch_client.models.readiness import Readiness
from drsorch_client.models.start_request import StartRequest
from drsorch_client.models.step_when import StepWhen
from drsorch_client.models.wait_step_request import WaitStepRequest
from drsorch_client.models.wait_step_request_parameters import WaitStepRequestParameters
from drsorch_client.models.wave_request import WaveRequest

T = TypeVar("T")
site, name = sys.argv[1:]
client = AuthenticatedClient(
    base_url=os.environ["DRSORCH_URL"].rstrip("/"),
    token=os.environ["DRSORCH_TOKEN"],
    raise_on_unexpected_status=True,
    # Straight to the server, whatever the environment says of proxies.
    httpx_args={"trust_env": False},
)


def sure(answer: object, kind: type[T]) -> T:
    """The answer, which is of this kind; or the sentence of the problem that it is."""
    if isinstance(answer, Problem):
        sys.exit(answer.detail)
    assert isinstance(answer, kind), answer
    return answer


found = source_servers_list.sync(client=client, site=site, unprotected=True, tag=["App:payroll"])
server = sure(found, PaginatedSourceServerList).results[0]
group = sure(
    protection_groups_create.sync(
        client=client, body=ProtectionGroupRequest(name=name, site=site, servers=[server.source_server_id])
    ),
    ProtectionGroup,
)
members = sure(protection_groups_members_list.sync(str(group.id), client=client), PaginatedSourceServerList).results
assert [member.source_server_id for member in members] == [server.source_server_id]

settle = WaitStepRequest(
    name="Settle", when=StepWhen.AFTER, kind="wait", parameters=WaitStepRequestParameters(seconds=1)
)
document = PlanRequest(
    name=name, rto_target_seconds=3600, waves=[WaveRequest(name="All", protection_groups=[name], steps=[settle])]
)
plan = sure(plans_create.sync(client=client, body=document), Plan)
assert plan.waves[0].steps[0].parameters.seconds == 1, plan
stale = plans_replace.sync(str(plan.id), client=client, body=document, if_match='"7"')
assert isinstance(stale, Problem), "a version that there is not is refused"
assert stale.type_ == "urn:drsorch:problem:stale", stale
assert sure(plans_readiness_read.sync(str(plan.id), client=client), Readiness).ready

start = StartRequest(plan=name, kind=ExecutionKind.DRILL, reason="A generated client tries it")
first = sure(executions_create.sync(client=client, body=start, idempotency_key=name), Execution)
again = sure(executions_create.sync(client=client, body=start, idempotency_key=name), Execution)
assert again.id == first.id, "the same key starts nothing twice"

drill, etag, unchanged, deadline = first, "", 0, time.monotonic() + 90
while drill.finished_at is None:
    assert time.monotonic() < deadline, drill
    time.sleep(0.2)
    answer = executions_read.sync_detailed(first.id, client=client, if_none_match=etag)
    if answer.status_code == 304:
        unchanged += 1
        continue
    drill, etag = sure(answer.parsed, Execution), answer.headers["ETag"]

report = executions_report_read.sync_detailed(first.id, client=client)
client.get_httpx_client().close()
document_of = json.loads(report.content)
print(json.dumps({
    "status": drill.status, "launched": [one.hostname for wave in drill.waves for one in wave.servers],
    "unchanged": unchanged, "report_of": document_of["identity"]["execution_id"], "id": str(first.id),
}))  # fmt: skip
