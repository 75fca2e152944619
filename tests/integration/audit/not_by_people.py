"""What people do not change by a door of ours: tables and commands, each with the reason."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group, User

#: Tables that are not ours, and that people change here.
NOT_OURS = (User, Group, Authenticator)
#: Models that no person changes by hand, and why not.
NOT_BY_PEOPLE = {
    "access.Assignment": "in the chain of its user; tested with the rights",
    "access.Role": "another name of auth.Group",
    "access.Proposal": "in a chain of its own (tests/integration/test_two_persons.py)",
    "access.ProviderRole": "which of a user's roles came from the provider; in the chain of the user",
    "audit.Chain": "the audit trail itself",
    "audit.Event": "the audit trail itself",
    "audit.Ledger": "the audit trail itself",
    "audit.Milestone": "the audit trail itself",
    "audit.SealedDocument": "the audit trail itself",
    "audit.TrailCheck": "what verifying found",
    "executions.Execution": "has its chain in its own row; its events are tested with the engine",
    "executions.Approval": "in the chain of its execution",
    "executions.Basis": "its hash is in the chain of its execution",
    "executions.DrsJob": "mirrors DRS",
    "executions.KeptForecast": "what was expected, not what was done",
    "executions.LaunchSample": "what a launch took, to forecast the next by",
    "executions.LateInstance": "in the chain of its execution",
    "executions.Operation": "in the chain of its execution",
    "executions.SavedFilter": "how someone looks at executions, which changes nothing for anyone",
    "executions.ServerRun": "in the chain of its execution",
    "executions.SiteWatch": "when a site is polled",
    "executions.StepDecision": "in the chain of its execution",
    "executions.StepRun": "in the chain of its execution",
    "executions.StepSample": "what a step took, to forecast the next by",
    "executions.WaveRun": "in the chain of its execution",
    "foundation.Chore": "when housekeeping is due",
    "foundation.Heartbeat": "proof that a ticker runs",
    "foundation.Installation": "the name that drsorch gave itself",
    "foundation.IdempotentAnswer": "what was answered to a request",
    "plans.PlanRevision": "in the chain of its plan",
    "plans.ApprovalDemand": "follows the plan; an agreement is in the chain of the plan",
    "plans.ReadinessCheck": "what evaluating found; made again at any time",
    "plans.Step": "in the chain of its plan",
    "plans.Wave": "in the chain of its plan",
    "plans.WaveGroup": "in the chain of its plan",
    "reports.Anchor": "when it is made is in the chain of its execution",
    "reports.Dossier": "in the chain of its execution",
    "reports.Evidence": "in the chain of its execution",
    "reports.SignOff": "in the chain of its execution",
    "mfa.Authenticator": "has pages of allauth's; tested below",
    "auth.Group": "roles are code; tested below",
}
#: Management commands that change nothing that a person would be asked about.
CHANGE_NOTHING = {
    "demo",
    "export_evidence",
    "guard_audit",
    "run",
    "rundramatiq",
    "serve",
    "verify_audit",
    "verify_evidence",
}
