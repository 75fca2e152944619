"""What DRS's replication states mean."""

from __future__ import annotations

import botocore.session
import pytest

from foundation.wording import Tone
from protection.core.replication import HALTED, ReplicationState, replication_words, worst_state


def test_the_states_are_those_of_botocores_model_of_drs() -> None:
    model = botocore.session.get_session().get_service_model("drs")
    assert sorted(ReplicationState) == sorted(model.shape_for("DataReplicationState").enum)


@pytest.mark.parametrize("text", ["", "HIBERNATING", "continuous"])
def test_another_word_is_no_state(text: str) -> None:
    assert ReplicationState.of(text) is None


def test_what_is_halted_does_not_look_well() -> None:
    assert {state.tone for state in HALTED} == {Tone.WARN, Tone.BAD}


def test_only_a_state_that_can_be_launched_looks_well() -> None:
    assert all(state.launchable for state in ReplicationState if state.tone is Tone.GOOD)


def test_a_state_in_words() -> None:
    assert replication_words("CREATING_SNAPSHOT") == "creating snapshot"
    assert replication_words("") == "unknown"


def test_the_worst_state_is_the_one_to_look_at_first() -> None:
    from_the_worst = [
        "DISCONNECTED", "STOPPED", "STALLED", "BACKLOG", "PAUSED", "RESCAN", "HIBERNATING", "INITIAL_SYNC",
        "INITIATING", "CREATING_SNAPSHOT", "CONTINUOUS",
    ]  # fmt: skip
    for place, state in enumerate(from_the_worst):
        assert worst_state(reversed(from_the_worst[place:])) == state
    assert worst_state([]) is None
