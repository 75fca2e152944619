"""What stands between a plan and a run of it, by facts alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from plans.core.checks import check, ready
from plans.core.facts import GroupFacts, PlanFacts, ServerFacts, SiteFacts, StepFacts, WaveFacts
from plans.core.findings import Finding

NOW = datetime(2026, 3, 3, 3, 0, tzinfo=UTC)
SITE = SiteFacts(name="Frankfurt", last_synced_at=NOW - timedelta(minutes=2), sync_error="")
SERVER = ServerFacts(
    source_server_id="s-1",
    label="db-1",
    missing_since=None,
    replication_state="CONTINUOUS",
    replication_error="",
    lag_seconds=3.0,
    recovery_instance_id="",
)
GROUP = GroupFacts(name="shop-db", site=SITE, servers=(SERVER,))
WAVE = WaveFacts(name="Databases", start_delay_seconds=0, groups=(GROUP,), steps=())
PLAN = PlanFacts(
    name="Web shop",
    rto_target_seconds=3600,
    rpo_target_seconds=900,
    approvals_required=1,
    approvers=2,
    graph=((),),
    waves=(WAVE,),
)


def findings(plan: PlanFacts) -> list[Finding]:
    return check(plan, now=NOW, stale_after_seconds=900)


def with_server(**fields: object) -> PlanFacts:
    server = replace(SERVER, **fields)
    return replace(PLAN, waves=(replace(WAVE, groups=(replace(GROUP, servers=(server,)),)),))


def with_site(**fields: object) -> PlanFacts:
    site = replace(SITE, **fields)
    return replace(PLAN, waves=(replace(WAVE, groups=(replace(GROUP, site=site),)),))


def only(plan: PlanFacts) -> Finding:
    (finding,) = findings(plan)
    assert finding.remedy
    return finding


def test_a_sound_plan_has_no_findings() -> None:
    assert findings(PLAN) == []
    assert ready([])


def test_a_plan_without_waves_does_nothing() -> None:
    finding = only(replace(PLAN, waves=(), graph=()))
    assert (finding.severity, finding.code) == ("blocking", "no_waves")
    assert not ready([finding])


def test_a_group_without_servers_blocks_and_is_named_with_its_wave() -> None:
    finding = only(replace(PLAN, waves=(replace(WAVE, groups=(replace(GROUP, servers=()),)),)))
    assert (finding.severity, finding.code, finding.subject) == ("blocking", "group_empty", "shop-db")
    assert "“Databases”" in finding.message


def test_a_group_that_names_a_server_which_is_not_there_blocks() -> None:
    finding = only(replace(PLAN, waves=(replace(WAVE, groups=(replace(GROUP, unknown=("s-7", "s-8")),)),)))
    assert (finding.severity, finding.code, finding.subject) == ("blocking", "server_unknown", "shop-db")
    assert finding.message == (
        "Protection group “shop-db” of wave “Databases” names s-7 and s-8, and site “Frankfurt” has no such source "
        "servers."
    )


def test_tags_that_match_nothing_beside_named_servers_warn() -> None:
    finding = only(replace(PLAN, waves=(replace(WAVE, groups=(replace(GROUP, matches_nothing=True),)),)))
    assert (finding.severity, finding.code) == ("warning", "selector_matches_nothing")
    nobody = replace(PLAN, waves=(replace(WAVE, groups=(replace(GROUP, matches_nothing=True, servers=()),)),))
    assert only(nobody).code == "group_empty"


def test_a_server_gone_from_drs_blocks_and_says_since_when() -> None:
    finding = only(with_server(missing_since=NOW - timedelta(days=1), replication_state="STALLED"))
    assert (finding.severity, finding.code, finding.subject) == ("blocking", "server_missing", "s-1")
    assert "db-1 (group “shop-db”) has been missing from DRS since 2026-03-02 03:00 UTC" in finding.message


@pytest.mark.parametrize(
    ("state", "severity", "code"),
    [
        ("INITIATING", "blocking", "no_recovery_point"),
        ("INITIAL_SYNC", "blocking", "no_recovery_point"),
        ("STOPPED", "blocking", "replication_ended"),
        ("DISCONNECTED", "blocking", "replication_ended"),
        ("STALLED", "warning", "replication_standing_still"),
        ("PAUSED", "warning", "replication_standing_still"),
        ("", "warning", "replication_unknown"),
        ("SOMETHING_NEW", "warning", "replication_unknown"),
    ],
)
def test_a_replication_state_that_says_no(state: str, severity: str, code: str) -> None:
    finding = only(with_server(replication_state=state, replication_error="AGENT_NOT_SEEN"))
    assert (finding.severity, finding.code) == (severity, code)


@pytest.mark.parametrize("state", ["CONTINUOUS", "BACKLOG", "CREATING_SNAPSHOT", "RESCAN"])
def test_a_replication_state_at_work_is_judged_by_its_lag_alone(state: str) -> None:
    assert findings(with_server(replication_state=state, lag_seconds=900.0)) == []
    finding = only(with_server(replication_state=state, lag_seconds=901.0))
    assert (finding.severity, finding.code) == ("warning", "lag_over_rpo")
    assert "15 min 1 s behind" in finding.message


def test_no_target_no_lag_that_is_too_long() -> None:
    assert findings(replace(with_server(lag_seconds=1e6), rpo_target_seconds=None)) == []
    assert findings(with_server(lag_seconds=None)) == []


def test_a_site_never_read_blocks_and_its_empty_group_is_not_blamed() -> None:
    site = replace(SITE, last_synced_at=None, sync_error="The endpoint cannot be reached.")
    plan = replace(PLAN, waves=(replace(WAVE, groups=(replace(GROUP, site=site, servers=()),)),))
    finding = only(plan)
    assert (finding.severity, finding.code, finding.subject) == ("blocking", "site_never_synced", "Frankfurt")
    assert "The endpoint cannot be reached." in finding.message


def test_a_failed_sync_warns_with_its_sentence_and_the_age_of_what_is_known() -> None:
    finding = only(with_site(sync_error="Access was denied.", last_synced_at=NOW - timedelta(hours=2)))
    assert (finding.severity, finding.code) == ("warning", "site_sync_failed")
    assert "2 h old: Access was denied." in finding.message


def test_an_old_inventory_warns() -> None:
    assert findings(with_site(last_synced_at=NOW - timedelta(minutes=15))) == []
    assert only(with_site(last_synced_at=NOW - timedelta(minutes=16))).code == "inventory_old"


def test_a_contested_server_is_told_of_once_even_if_both_groups_are_in_the_plan() -> None:
    conflict = (("s-1", "db-1 is selected by shop-db and shop-all."),)
    groups = (replace(GROUP, conflicts=conflict), replace(GROUP, name="shop-all", conflicts=conflict))
    finding = only(replace(PLAN, waves=(replace(WAVE, groups=groups),)))
    assert (finding.severity, finding.code, finding.subject) == ("warning", "membership_conflict", "s-1")


def test_instances_that_a_launch_will_replace_are_counted_by_wave() -> None:
    servers = tuple(replace(SERVER, label=f"db-{i}", recovery_instance_id=f"i-{i}") for i in range(5))
    finding = only(replace(PLAN, waves=(replace(WAVE, groups=(replace(GROUP, servers=servers),)),)))
    assert (finding.severity, finding.code) == ("warning", "instance_will_be_replaced")
    assert "db-0, db-1, db-2 and 2 more" in finding.message


def test_fewer_approvers_than_approvals() -> None:
    assert only(replace(PLAN, approvals_required=3)).message.endswith("only 2 people have the role approver.")
    assert only(replace(PLAN, approvers=0)).severity == "warning"


def test_a_recovery_that_nobody_approves() -> None:
    finding = only(replace(PLAN, approvals_required=0, approvers=0))
    assert (finding.severity, finding.code) == ("warning", "recovery_without_approval")


def test_delays_and_waits_that_use_up_the_rto_target_name_their_chain() -> None:
    wait = StepFacts(name="settle", when="before", kind="wait", parameters={"seconds": 1800})
    first = replace(WAVE, start_delay_seconds=1800)
    second = replace(WAVE, name="App", groups=(), steps=(wait,))
    finding = only(replace(PLAN, waves=(first, second), graph=((), (0,))))
    assert finding.code == "rto_out_of_reach"
    assert "Databases → App take 1 h" in finding.message


def test_side_by_side_they_do_not_add_up_and_waiting_after_the_last_launch_does_not_count() -> None:
    wait = StepFacts(name="settle", when="after", kind="wait", parameters={"seconds": 7200})
    first = replace(WAVE, start_delay_seconds=1800)
    second = replace(WAVE, name="App", groups=(), start_delay_seconds=1800, steps=(wait,))
    assert findings(replace(PLAN, waves=(first, second), graph=((), ()))) == []


def test_what_blocks_comes_first() -> None:
    plan = replace(with_server(replication_state="STOPPED"), approvers=0)
    assert [finding.severity for finding in findings(plan)] == ["blocking", "warning"]
