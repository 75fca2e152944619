"""The wave graph: what waits for what, what is a circle, what is drawn where, and which chain takes longest."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from plans.core import graph
from tests.unit.plans.documents import graphs


def test_a_wave_that_says_nothing_follows_the_one_above_it() -> None:
    assert graph.resolve(["A", "B", "C"], [None, None, None]) == ((), (0,), (1,))


def test_a_wave_with_an_empty_list_starts_at_once() -> None:
    assert graph.resolve(["A", "B"], [None, []]) == ((), ())


def test_a_wave_may_wait_for_one_below_it() -> None:
    assert graph.resolve(["A", "B"], [["B"], []]) == ((1,), ())


def test_a_circle_is_found_with_each_wave_waiting_for_the_next() -> None:
    # 0 waits for 2, 2 waits for 1, 1 waits for 0; 3 is outside.
    assert graph.cycle([(2,), (0,), (1,), (0,)]) == (0, 2, 1)


def test_following_the_wave_above_can_close_a_circle() -> None:
    resolved = graph.resolve(["A", "B"], [["B"], None])
    assert graph.cycle(resolved) == (0, 1)


def test_layers_put_side_by_side_what_runs_side_by_side() -> None:
    databases, app, reports, web = range(4)
    assert graph.layers([(), (databases,), (databases,), (app,)]) == ((databases,), (app, reports), (web,))


def test_no_waves_no_layers_no_path() -> None:
    assert graph.layers([]) == ()
    assert graph.critical_path([], []) == ((), 0)


def test_the_critical_path_is_the_slowest_chain_not_the_longest() -> None:
    # 0 → 1 → 3 takes 3 seconds; 2 alone takes 10.
    assert graph.critical_path([(), (0,), (), (1,)], [1, 1, 10, 1]) == ((2,), 10)


@given(graphs(acyclic=True))
def test_an_acyclic_graph_has_no_circle_and_an_order_that_keeps_every_promise(waves: graph.Graph) -> None:
    assert graph.cycle(waves) == ()
    order = graph.order(waves)
    assert sorted(order) == list(range(len(waves)))
    for position, wanted in enumerate(waves):
        assert all(order.index(other) < order.index(position) for other in wanted)


@given(graphs(acyclic=False))
def test_a_circle_that_is_found_is_one(waves: graph.Graph) -> None:
    circle = graph.cycle(waves)
    for position, following in zip(circle, (*circle[1:], *circle[:1]), strict=True):
        assert following in waves[position]


@given(graphs(acyclic=False))
def test_a_graph_without_a_found_circle_can_be_ordered(waves: graph.Graph) -> None:
    if not graph.cycle(waves):
        assert sorted(graph.order(waves)) == list(range(len(waves)))


@given(graphs(acyclic=True))
def test_layers_hold_every_wave_once_right_of_all_it_waits_for(waves: graph.Graph) -> None:
    column = {position: index for index, layer in enumerate(graph.layers(waves)) for position in layer}
    assert sorted(column) == list(range(len(waves)))
    for position, wanted in enumerate(waves):
        assert column[position] == 1 + max((column[other] for other in wanted), default=-1)


@given(graphs(acyclic=True), st.data())
def test_the_critical_path_is_a_chain_that_no_other_beats(waves: graph.Graph, data: st.DataObject) -> None:
    seconds = data.draw(st.lists(st.integers(0, 100), min_size=len(waves), max_size=len(waves)))
    chain, total = graph.critical_path(waves, seconds)
    assert total == sum(seconds[position] for position in chain)
    assert all(earlier in waves[later] for earlier, later in pairwise(chain))
    if waves:
        assert waves[chain[0]] == ()
    longest: dict[int, int] = {}
    for position in graph.order(waves):
        longest[position] = seconds[position] + max((longest[other] for other in waves[position]), default=0)
    assert total == max(longest.values(), default=0)


def test_of_two_chains_that_take_equally_long_the_one_of_the_earlier_wave_is_shown() -> None:
    assert graph.critical_path([(), (), (0, 1)], [5, 5, 1]) == ((0, 2), 6)
    assert graph.critical_path([(), ()], [5, 5]) == ((0,), 5)


def test_a_plan_without_waves_has_no_columns_and_no_chain() -> None:
    assert graph.layers([]) == ()
    assert graph.critical_path([], []) == ((), 0)
