"""The table: what each door takes, verb by verb. Which roles that lets in follows from `access.policy.POLICY`.

A door that is not here fails the suite, and so does a row of a door that is not there.
"""

from __future__ import annotations

from typing import Final

#: Anybody at all, signed in or not.
OPEN: Final = "open"
#: Anybody who is signed in; on screens, who may use them.
SIGNED_IN: Final = "signed in"
#: Nobody: not an administrator either.
NOBODY: Final = "nobody"
#: The view does not take the verb: 405 for whoever is let in so far.
NOT_TAKEN: Final = "not taken"
#: It leads on to another address, which has a row of its own.
LEADS_ON: Final = "leads on"

VIEW_SITE, ADD_SITE = "protection.view_site", "protection.add_site"
CHANGE_SITE, DELETE_SITE, SYNC_SITE = "protection.change_site", "protection.delete_site", "protection.sync_site"
VIEW_SERVER, DELETE_SERVER = "protection.view_sourceserver", "protection.delete_sourceserver"
VIEW_GROUP, ADD_GROUP = "protection.view_protectiongroup", "protection.add_protectiongroup"
CHANGE_GROUP, DELETE_GROUP = "protection.change_protectiongroup", "protection.delete_protectiongroup"
VIEW_PLAN, ADD_PLAN, CHANGE_PLAN = "plans.view_plan", "plans.add_plan", "plans.change_plan"
DELETE_PLAN, ARCHIVE_PLAN, AGREE_PLAN = "plans.delete_plan", "plans.archive_plan", "plans.agree_plan"
VIEW_REVISION = "plans.view_planrevision"
VIEW_RUN, VIEW_RUN_EVENT = "executions.view_execution", "executions.view_event"
DRILL, RECOVER = "executions.start_drill", "executions.start_recovery"
APPROVE, CONTROL, CLEAN_UP = (
    "executions.approve_execution", "executions.control_execution", "executions.cleanup_execution",
)  # fmt: skip
DECLARE_OVER, POST_EVENT = "executions.declare_recovery_over", "executions.post_drs_event"
VIEW_REPORT, VIEW_FINDING, CHANGE_FINDING = "reports.view_report", "reports.view_finding", "reports.change_finding"
ADD_NOTE, ADD_FINDING, VALIDATE, SIGN = (
    "reports.add_note", "reports.add_finding", "reports.validate_execution", "reports.sign_off",
)  # fmt: skip
VIEW_TRAIL = "audit.view_event"
VIEW_USER, ADD_USER, CHANGE_USER, DELETE_USER = (
    "auth.view_user",
    "auth.add_user",
    "auth.change_user",
    "auth.delete_user",
)
VIEW_ROLE = "access.view_role"
VIEW_TOKEN, DELETE_TOKEN, ISSUE = "access.view_apitoken", "access.delete_apitoken", "access.add_apitoken"
AGREE = "access.agree_proposal"
REVIEW, VIEW_SESSION, DELETE_SESSION = (
    "access.review_access", "access.view_signinsession", "access.delete_signinsession",
)  # fmt: skip
VIEW_P_GROUP, ADD_P_GROUP, DELETE_P_GROUP = (
    "access.view_providergroup", "access.add_providergroup", "access.delete_providergroup",
)  # fmt: skip
VIEW_P_LINK, ADD_P_LINK, DELETE_P_LINK = (
    "access.view_providerlink", "access.add_providerlink", "access.delete_providerlink",
)  # fmt: skip
VIEW_SERVICE, ADD_SERVICE = "access.view_serviceaccount", "access.add_serviceaccount"
CHANGE_SERVICE, DELETE_SERVICE = "access.change_serviceaccount", "access.delete_serviceaccount"

#: A permission, several of which one is enough, or one of the words above.
Need = str | frozenset[str]
#: Verb -> what it takes.
Needs = dict[str, Need]


def screen(get: Need, post: Need = NOT_TAKEN) -> Needs:
    return {"get": get, "post": post}


SCREENS: Final[dict[str, Needs]] = {
    # --- the landing page, and what belongs to no one model ---
    "admin:index": screen(SIGNED_IN),
    "admin:dashboard_running": screen(VIEW_RUN),
    "admin:dashboard_attention": screen(VIEW_RUN),
    "admin:approvals": screen(APPROVE),
    "admin:approvals_live": screen(APPROVE),
    "admin:approvals_header": screen(APPROVE),
    # --- Django's own ---
    "admin:search": screen(SIGNED_IN, SIGNED_IN),
    "admin:login": screen(LEADS_ON, LEADS_ON),
    "admin:logout": screen(LEADS_ON, LEADS_ON),
    "admin:password_change": screen(LEADS_ON, LEADS_ON),
    "admin:password_change_done": screen(LEADS_ON, LEADS_ON),
    "admin:autocomplete": screen(NOBODY),
    "admin:jsi18n": screen(SIGNED_IN),
    "admin:view_on_site": screen(SIGNED_IN, SIGNED_IN),
    "admin:app_list": screen(SIGNED_IN, SIGNED_IN),
    "admin:*": screen(SIGNED_IN, SIGNED_IN),
    # --- executions ---
    "admin:executions_start": screen(DRILL, DRILL),
    "admin:executions_plan_forecast": screen(VIEW_PLAN, VIEW_PLAN),
    "admin:executions_execution_changelist": screen(VIEW_RUN, VIEW_RUN),
    "admin:executions_execution_add": screen(NOBODY, NOBODY),
    "admin:executions_execution_change": screen(VIEW_RUN),
    "admin:executions_execution_delete": screen(NOBODY, NOBODY),
    "admin:executions_execution_history": screen(VIEW_TRAIL, VIEW_TRAIL),
    "admin:executions_execution_live": screen(VIEW_RUN),
    "admin:executions_execution_command": screen(CONTROL, CONTROL),  # “pause”; each command is tried by itself
    "admin:executions_execution_csv": screen(VIEW_RUN),
    "admin:executions_execution_people": screen(VIEW_RUN),
    "admin:executions_execution_save_filter": screen(LEADS_ON, VIEW_RUN),
    "admin:executions_execution_delete_filter": screen(LEADS_ON, VIEW_RUN),
    "admin/executions/execution/<path:object_id>/": screen(LEADS_ON, LEADS_ON),
    # --- evidence ---
    "admin:reports_report": screen(VIEW_REPORT),
    "admin:reports_download": screen(VIEW_REPORT),
    "admin:reports_note": screen(ADD_NOTE, ADD_NOTE),
    "admin:reports_validated": screen(VALIDATE, VALIDATE),
    "admin:reports_sign": screen(SIGN, SIGN),
    "admin:reports_finding_of": screen(ADD_FINDING, ADD_FINDING),
    "admin:reports_register": screen(VIEW_REPORT),
    "admin:reports_register_file": screen(VIEW_REPORT),
    "admin:reports_compare_pick": screen(VIEW_REPORT),
    "admin:reports_compare": screen(VIEW_REPORT),
    "admin:reports_runbook_file": screen(VIEW_PLAN),
    "admin:reports_finding_changelist": screen(VIEW_FINDING, VIEW_FINDING),
    "admin:reports_finding_add": screen(NOBODY, NOBODY),
    "admin:reports_finding_change": screen(VIEW_FINDING, CHANGE_FINDING),
    "admin:reports_finding_delete": screen(NOBODY, NOBODY),
    "admin:reports_finding_history": screen(VIEW_TRAIL, VIEW_TRAIL),
    "admin/reports/finding/<path:object_id>/": screen(LEADS_ON, LEADS_ON),
    # --- plans ---
    "admin:plans_plan_changelist": screen(VIEW_PLAN, VIEW_PLAN),
    "admin:plans_plan_add": screen(ADD_PLAN, ADD_PLAN),
    "admin:plans_plan_change": screen(VIEW_PLAN),
    "admin:plans_plan_board": screen(VIEW_PLAN, CHANGE_PLAN),
    "admin:plans_plan_board_changes": screen(NOT_TAKEN, CHANGE_PLAN),
    "admin:plans_plan_settings": screen(CHANGE_PLAN, CHANGE_PLAN),
    "admin:plans_plan_wave": screen(CHANGE_PLAN, CHANGE_PLAN),
    "admin:plans_plan_history": screen(VIEW_REVISION),
    "admin:plans_plan_compare": screen(VIEW_REVISION),
    "admin:plans_plan_restore": screen(NOT_TAKEN, CHANGE_PLAN),
    "admin:plans_plan_agree": screen(NOT_TAKEN, AGREE_PLAN),
    "admin:plans_plan_import": screen(ADD_PLAN, ADD_PLAN),
    "admin:plans_plan_import_into": screen(CHANGE_PLAN, CHANGE_PLAN),
    "admin:plans_plan_runbook": screen(VIEW_PLAN),
    "admin:plans_plan_yaml": screen(VIEW_PLAN),
    "admin:plans_plan_copy": screen(ADD_PLAN, ADD_PLAN),
    "admin:plans_plan_archive": screen(ARCHIVE_PLAN, ARCHIVE_PLAN),
    "admin:plans_plan_delete": screen(DELETE_PLAN, DELETE_PLAN),
    # --- protection ---
    "admin:protection_site_changelist": screen(VIEW_SITE, VIEW_SITE),
    "admin:protection_site_add": screen(ADD_SITE, ADD_SITE),
    "admin:protection_site_change": screen(VIEW_SITE, CHANGE_SITE),
    "admin:protection_site_delete": screen(DELETE_SITE, DELETE_SITE),
    "admin:protection_site_history": screen(VIEW_TRAIL, VIEW_TRAIL),
    "admin:protection_site_try_new": screen(NOT_TAKEN, ADD_SITE),
    "admin:protection_site_try": screen(NOT_TAKEN, CHANGE_SITE),
    "admin:protection_site_template": screen(VIEW_SITE),
    "admin:protection_site_sync": screen(NOT_TAKEN, SYNC_SITE),
    "admin:protection_site_state": screen(VIEW_SITE),
    "admin/protection/site/<path:object_id>/": screen(LEADS_ON, LEADS_ON),
    "admin:protection_sourceserver_changelist": screen(VIEW_SERVER, VIEW_SERVER),
    "admin:protection_sourceserver_add": screen(NOBODY, NOBODY),
    "admin:protection_sourceserver_change": screen(VIEW_SERVER, NOBODY),
    "admin:protection_sourceserver_delete": screen(NOBODY, NOBODY),  # of one that DRS has; else DELETE_SERVER
    "admin:protection_sourceserver_history": screen(VIEW_TRAIL, VIEW_TRAIL),
    "admin:protection_sourceserver_points": screen(VIEW_SERVER),
    "admin/protection/sourceserver/<path:object_id>/": screen(LEADS_ON, LEADS_ON),
    "admin:protection_protectiongroup_changelist": screen(VIEW_GROUP, VIEW_GROUP),
    "admin:protection_protectiongroup_add": screen(ADD_GROUP, ADD_GROUP),
    "admin:protection_protectiongroup_change": screen(VIEW_GROUP, CHANGE_GROUP),
    "admin:protection_protectiongroup_delete": screen(DELETE_GROUP, DELETE_GROUP),
    "admin:protection_protectiongroup_history": screen(VIEW_TRAIL, VIEW_TRAIL),
    "admin:protection_protectiongroup_servers": screen(VIEW_SERVER),
    "admin:protection_protectiongroup_selection_new": screen(NOT_TAKEN, ADD_GROUP),
    "admin:protection_protectiongroup_selection": screen(NOT_TAKEN, CHANGE_GROUP),
    "admin/protection/protectiongroup/<path:object_id>/": screen(LEADS_ON, LEADS_ON),
    # --- people, tokens, the audit trail ---
    "admin:auth_user_changelist": screen(VIEW_USER, VIEW_USER),
    "admin:auth_user_add": screen(ADD_USER, ADD_USER),
    "admin:auth_user_change": screen(VIEW_USER, CHANGE_USER),
    "admin:auth_user_delete": screen(DELETE_USER, DELETE_USER),
    "admin:auth_user_history": screen(VIEW_TRAIL, VIEW_TRAIL),
    "admin:auth_user_roles": screen(VIEW_USER, CHANGE_USER),
    "admin:auth_user_password_change": screen(CHANGE_USER, CHANGE_USER),
    "admin/auth/user/<path:object_id>/": screen(LEADS_ON, LEADS_ON),
    "admin:access_role_changelist": screen(VIEW_ROLE, VIEW_ROLE),
    "admin:access_role_add": screen(NOBODY, NOBODY),
    "admin:access_role_change": screen(VIEW_ROLE, NOBODY),
    "admin:access_role_delete": screen(NOBODY, NOBODY),
    "admin:access_role_history": screen(VIEW_TRAIL, VIEW_TRAIL),
    "admin/access/role/<path:object_id>/": screen(LEADS_ON, LEADS_ON),
    "admin:access_apitoken_changelist": screen(VIEW_TOKEN, VIEW_TOKEN),
    "admin:access_apitoken_add": screen(NOBODY, NOBODY),
    "admin:access_apitoken_change": screen(VIEW_TOKEN, NOBODY),
    "admin:access_apitoken_delete": screen(DELETE_TOKEN, DELETE_TOKEN),
    "admin:access_apitoken_history": screen(VIEW_TRAIL, VIEW_TRAIL),
    "admin/access/apitoken/<path:object_id>/": screen(LEADS_ON, LEADS_ON),
    "admin:access_serviceaccount_changelist": screen(VIEW_SERVICE, VIEW_SERVICE),
    "admin:access_serviceaccount_add": screen(ADD_SERVICE, ADD_SERVICE),
    "admin:access_serviceaccount_change": screen(VIEW_SERVICE, CHANGE_SERVICE),
    "admin:access_serviceaccount_delete": screen(DELETE_SERVICE, DELETE_SERVICE),
    "admin:access_serviceaccount_history": screen(VIEW_TRAIL, VIEW_TRAIL),
    "admin/access/serviceaccount/<path:object_id>/": screen(LEADS_ON, LEADS_ON),
    "admin:access_providergroup_changelist": screen(VIEW_P_GROUP, VIEW_P_GROUP),
    "admin:access_providergroup_add": screen(ADD_P_GROUP, ADD_P_GROUP),
    "admin:access_providergroup_change": screen(VIEW_P_GROUP, NOBODY),
    "admin:access_providergroup_delete": screen(DELETE_P_GROUP, DELETE_P_GROUP),
    "admin:access_providergroup_history": screen(VIEW_TRAIL, VIEW_TRAIL),
    "admin/access/providergroup/<path:object_id>/": screen(LEADS_ON, LEADS_ON),
    "admin:access_providerlink_changelist": screen(VIEW_P_LINK, VIEW_P_LINK),
    "admin:access_providerlink_add": screen(ADD_P_LINK, ADD_P_LINK),
    "admin:access_providerlink_change": screen(VIEW_P_LINK, NOBODY),
    "admin:access_providerlink_delete": screen(DELETE_P_LINK, DELETE_P_LINK),
    "admin:access_providerlink_history": screen(VIEW_TRAIL, VIEW_TRAIL),
    "admin/access/providerlink/<path:object_id>/": screen(LEADS_ON, LEADS_ON),
    "admin:access_signinsession_changelist": screen(VIEW_SESSION, VIEW_SESSION),
    "admin:access_signinsession_add": screen(NOBODY, NOBODY),
    "admin:access_signinsession_change": screen(VIEW_SESSION, NOBODY),
    "admin:access_signinsession_delete": screen(DELETE_SESSION, DELETE_SESSION),
    "admin:access_signinsession_history": screen(VIEW_TRAIL, VIEW_TRAIL),
    "admin/access/signinsession/<path:object_id>/": screen(LEADS_ON, LEADS_ON),
    "admin:access_my_tokens": screen(SIGNED_IN),
    "admin:access_issue_token": screen(ISSUE, ISSUE),
    "admin:access_revoke_token": screen(NOT_TAKEN, DELETE_TOKEN),  # one of somebody else
    "admin:access_issue_service_token": screen(CHANGE_SERVICE, CHANGE_SERVICE),
    "admin:access_proposals": screen(SIGNED_IN),
    "admin:access_agree": screen(NOT_TAKEN, AGREE),
    "admin:access_reject": screen(NOT_TAKEN, AGREE),  # of somebody else; one's own is withdrawn by who proposed it
    "admin:access_review": screen(REVIEW, REVIEW),
    "admin:access_review_csv": screen(REVIEW),
    "admin:audit_event_changelist": screen(VIEW_TRAIL),
    "admin:audit_event_verify": screen(VIEW_TRAIL, VIEW_TRAIL),
    "admin:audit_event_verify_state": screen(VIEW_TRAIL),
}  # fmt: skip

#: Of an address under /api/ what each verb takes; any other verb is 405.
API: Final[dict[str, Needs]] = {
    "schema": {"get": OPEN},
    "docs": {"get": OPEN},
    "api:*": {"get": OPEN, "post": OPEN},  # says that there is nothing
    "api-root": {"get": SIGNED_IN},
    "me": {"get": SIGNED_IN},
    "events-drs": {"post": POST_EVENT},
    "register": {"get": VIEW_REPORT},
    "site-list": {"get": VIEW_SITE, "post": ADD_SITE},
    "site-detail": {"get": VIEW_SITE, "put": CHANGE_SITE, "patch": CHANGE_SITE, "delete": DELETE_SITE},
    "site-sync": {"post": SYNC_SITE},
    "source-server-list": {"get": VIEW_SERVER},
    "source-server-detail": {"get": VIEW_SERVER, "delete": DELETE_SERVER},
    "source-server-recovery-snapshots": {"get": VIEW_SERVER},
    "protection-group-list": {"get": VIEW_GROUP, "post": ADD_GROUP},
    "protection-group-detail": {
        "get": VIEW_GROUP, "put": CHANGE_GROUP, "patch": CHANGE_GROUP, "delete": DELETE_GROUP,
    },
    "protection-group-members": {"get": VIEW_GROUP},
    "plan-list": {"get": VIEW_PLAN, "post": ADD_PLAN},
    "plan-detail": {"get": VIEW_PLAN, "put": CHANGE_PLAN, "patch": CHANGE_PLAN, "delete": DELETE_PLAN},
    "bundle": {"get": VIEW_PLAN, "post": VIEW_PLAN},  # what it changes takes more: `_Carrying` asks, thing by thing
    "bundle-diff": {"post": VIEW_PLAN},
    "bundle-schema": {"get": OPEN},
    "plan-agree": {"post": AGREE_PLAN},
    "plan-archive": {"post": ARCHIVE_PLAN},
    "plan-unarchive": {"post": ARCHIVE_PLAN},
    "plan-copy": {"post": ADD_PLAN},
    "plan-forecast": {"get": VIEW_PLAN},
    "plan-readiness": {"get": VIEW_PLAN, "post": VIEW_PLAN},
    "plan-revision": {"get": VIEW_REVISION},
    "plan-revisions": {"get": VIEW_REVISION},
    "execution-list": {"get": VIEW_RUN, "post": frozenset({DRILL, RECOVER})},
    "execution-export": {"get": VIEW_RUN},
    "execution-detail": {"get": VIEW_RUN},
    "execution-events": {"get": VIEW_RUN_EVENT},
    "execution-basis": {"get": VIEW_RUN},
    "execution-kept-basis": {"get": VIEW_RUN_EVENT},
    "execution-approve": {"post": APPROVE},
    "execution-reject": {"post": APPROVE},
    "execution-review": {"post": APPROVE},
    "execution-pause": {"post": CONTROL},
    "execution-resume": {"post": CONTROL},
    "execution-cancel": {"post": CONTROL},
    "execution-look": {"post": CONTROL},
    "execution-end": {"post": CONTROL},
    "execution-retry": {"post": CONTROL},
    "execution-skip": {"post": CONTROL},
    "execution-cleanup": {"post": CLEAN_UP},
    "execution-declare-over": {"post": DECLARE_OVER},
    "execution-report": {"get": VIEW_REPORT},
    "execution-validated": {"get": VIEW_REPORT, "post": VALIDATE},
    "execution-notes": {"get": VIEW_REPORT, "post": ADD_NOTE},
    "execution-findings": {"get": VIEW_FINDING, "post": ADD_FINDING},
    "execution-sign-offs": {"get": VIEW_REPORT, "post": SIGN},
    "execution-compare": {"get": VIEW_REPORT},
    "finding-list": {"get": VIEW_FINDING},
    "finding-detail": {"get": VIEW_FINDING, "patch": CHANGE_FINDING},
    "token-list": {"get": SIGNED_IN, "post": ISSUE},
    "token-detail": {"get": SIGNED_IN, "delete": SIGNED_IN},  # of one's own; any other is not there
    "proposal-list": {"get": SIGNED_IN},
    "proposal-detail": {"get": SIGNED_IN},
    "proposal-agree": {"post": AGREE},
    "proposal-reject": {"post": AGREE},  # the same
    "audit-list": {"get": VIEW_TRAIL},
    "audit-verify": {"post": VIEW_TRAIL},
}  # fmt: skip

#: Neither screens nor API: signing in, what is open to all.
OTHERS: Final[dict[str, Needs]] = {
    "home": screen(LEADS_ON, LEADS_ON),
    "verify": screen(OPEN, OPEN),
    "healthz": screen(OPEN),
    "readyz": screen(OPEN),
    "metrics": screen(OPEN),  # from the networks that may read them, such as this machine: no role is asked
    "account_login": screen(OPEN, OPEN),
    "account_logout": screen(OPEN, OPEN),
    "oidc_login": screen(LEADS_ON),  # 404 where there is no provider
    "oidc_callback": screen(LEADS_ON),
    "oidc_confirm": screen(LEADS_ON),
    "account_signup": screen(OPEN, OPEN),  # says that nobody signs up
    "account_reauthenticate": screen(SIGNED_IN, SIGNED_IN),
    "account_change_password": screen(SIGNED_IN, SIGNED_IN),
    "sessions": screen(SIGNED_IN, SIGNED_IN),
    "mfa_index": screen(SIGNED_IN),
    "mfa_list_webauthn": screen(SIGNED_IN),
    "mfa_add_webauthn": screen(SIGNED_IN, SIGNED_IN),
    "mfa_reauthenticate_webauthn": screen(SIGNED_IN, SIGNED_IN),
    "mfa_remove_webauthn": screen(SIGNED_IN, SIGNED_IN),
    "mfa_edit_webauthn": screen(SIGNED_IN, SIGNED_IN),
    "mfa_login_webauthn": screen(LEADS_ON, LEADS_ON),
    "mfa_authenticate": screen(SIGNED_IN, SIGNED_IN),
    "mfa_reauthenticate": screen(SIGNED_IN, SIGNED_IN),
    "mfa_activate_totp": screen(SIGNED_IN, SIGNED_IN),
    "mfa_deactivate_totp": screen(SIGNED_IN, SIGNED_IN),
    "mfa_view_recovery_codes": screen(SIGNED_IN),
    "mfa_generate_recovery_codes": screen(SIGNED_IN, SIGNED_IN),
    "mfa_download_recovery_codes": screen(SIGNED_IN, SIGNED_IN),
}

ROWS: Final[dict[str, Needs]] = {**SCREENS, **API, **OTHERS}
