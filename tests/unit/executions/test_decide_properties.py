"""What holds of every execution, whatever DRS does: asserted while random ones run in the pure world."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from executions.core.states import SERVER_FINAL, WAVE_FINAL, WaveStatus
from tests.unit.executions.pure_world import PureWorld, facts, server, site, wave

STATUSES = st.sampled_from(["LAUNCHED", "LAUNCHED", "LAUNCHED", "FAILED", "PENDING", "ODD"])


@st.composite
def worlds(draw: st.DrawFn) -> PureWorld:
    count = draw(st.integers(1, 5))
    waves = []
    for position in range(count):
        depends_on = draw(st.sets(st.integers(0, position - 1))) if position else set()
        waves.append(
            wave(
                position,
                depends_on=tuple(depends_on),
                minimum_success_percent=draw(st.sampled_from([0, 50, 100])),
                stops_on_failure=draw(st.booleans()),
                start_delay_seconds=draw(st.sampled_from([0, 0, 45])),
            )
        )
    servers = []
    for position in range(count):
        for _ in range(draw(st.integers(1, 7))):
            servers.append(server(len(servers) + 1, wave=position, site=draw(st.integers(1, 2))))
    limits = {
        "concurrent_jobs": draw(st.integers(1, 4)),
        "servers_per_job": draw(st.integers(1, 4)),
        "servers_in_jobs": draw(st.integers(1, 9)),
    }
    fates = draw(st.lists(STATUSES, min_size=1, max_size=12))
    lost = draw(st.sets(st.integers(1, 8)))
    world = PureWorld(
        facts(waves, servers, sites=[site(1, **limits), site(2, **limits)]),
        fate=lambda job, source: fates[(job * 7 + int(source[-2:])) % len(fates)],
    )
    world.lose_answer = lambda number: number in lost
    return world


@settings(max_examples=150, deadline=None)
@given(worlds())
def test_every_execution_ends_and_launches_each_server_at_most_once(world: PureWorld) -> None:
    # The pure world itself asserts the budgets, one job a server, determinism, and that there is always a next look.
    world.run()
    assert world.finished is not None
    assert all(count == 1 for count in world.launches.values())
    assert all(found.status in SERVER_FINAL for found in world.state.servers)
    assert all(found.status in WAVE_FINAL for found in world.state.waves)


@settings(max_examples=100, deadline=None)
@given(worlds())
def test_no_wave_starts_before_those_it_depends_on_are_over(world: PureWorld) -> None:
    world.run()
    for found in world.state.waves:
        if found.position not in world.started:
            assert found.status is WaveStatus.CANCELLED
            continue
        for position in found.depends_on:
            assert world.ended[position] <= world.started[found.position]
