"""What the OpenAPI document says of the whole API, and of each kind of thing in it. Read by settings: no Django
here."""

from __future__ import annotations

from typing import Final

API_DESCRIPTION: Final = """\
Prove and run disaster recovery on AWS.

Send a token as `Authorization: Bearer <token>`. Times are ISO 8601 with a zone, durations whole seconds. Errors are
problems (RFC 9457): `type` tells them apart, `detail` is a sentence for people, `errors` names each field that is wrong
and each thing that is in the way. Lists come in pages: follow `next`. What can be edited has a `version`, and an `ETag`
to send in `If-Match`; what is polled answers 304 to `If-None-Match`. Any POST may carry an `Idempotency-Key`. An
unknown field or query parameter answers 400. Members that are only answered may be sent back; they change nothing.

Within version 1 nothing changes its meaning; there will be additions, so ignore what you do not know."""

#: By the first part of the address, in the order in which they are shown.
API_TAGS: Final = {
    "sites": "Recovery sites: one AWS account in one Region each, where DRS holds source servers.",
    "source-servers": "The inventory: what DRS replicates at each site.",
    "protection-groups": "Servers of one site that are recovered together.",
    "plans": "Recovery plans: waves of protection groups, with steps before and after; their revisions and readiness.",
    "bundle": "Plans as code: sites, protection groups and plans as documents that are kept in git.",
    "executions": "Drills and recoveries: starting, approving, controlling them, and the evidence that they leave.",
    "findings": "What executions showed and has to get better, over all executions.",
    "register": "What is proven of every plan in use.",
    "audit": "The audit trail of everything, and its verification.",
    "events": "Where EventBridge and SNS deliver events of DRS.",
    "proposals": "What takes a second person: proposed by one, agreed to by another.",
    "tokens": "Your own API tokens.",
    "me": "Who you are, and what you may do.",
}
