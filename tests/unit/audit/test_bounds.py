"""How much of a flood is recorded."""

from __future__ import annotations

from audit.bounds import Bound, Rest
from audit.changes import difference


def bound(**options: float) -> Bound[str]:
    return Bound(**{"each": 3, "together": 5, "seconds": 60, "longest": 200, **options})


def test_the_first_few_are_recorded_and_the_rest_is_told_once_as_a_number() -> None:
    flood = bound()
    assert [flood.admits("dana", second) for second in range(10)] == [True] * 3 + [False] * 7
    assert flood.over(59) == []
    assert flood.over(60) == [Rest("dana", 7, 0, 60)]
    assert flood.over(61) == []


def test_what_was_left_out_is_told_although_the_next_one_came_before_it_was_asked_for() -> None:
    flood = bound()
    for second in (*range(10), 60):
        flood.admits("dana", second)
    assert flood.over(61) == [Rest("dana", 7, 0, 60)]
    assert flood.over(61) == []


def test_the_window_of_one_may_outlast_that_of_all() -> None:
    calm = bound()
    assert calm.admits("dana", 0)
    assert calm.admits("omar", 30)
    assert [calm.over(second) for second in (60, 95)] == [[], []]
    assert calm.admits("omar", 96)


def test_one_who_is_refused_now_and_then_is_always_recorded() -> None:
    calm = bound()
    assert all(calm.admits("vera", minute * 60) for minute in range(100))
    assert calm.over(10_000) == []


def test_a_flood_that_goes_on_is_told_of_more_and_more_seldom() -> None:
    flood = bound()
    recorded = [second for second in range(1000) if flood.admits("dana", second)]
    assert recorded == [0, 1, 2, 60, 61, 62, 180, 181, 182, 380, 381, 382, 580, 581, 582, 780, 781, 782, 980, 981, 982]
    assert [rest.since for rest in flood.over(1200)] == [0, 60, 180, 380, 580, 780, 980]


def test_all_of_them_together_are_bounded_and_counted() -> None:
    flood = bound()
    admitted = [flood.admits(f"user{number}", 0) for number in range(100)]
    assert sum(admitted) == 5
    assert flood.over(60) == [Rest(None, 95, 0, 60)]


def test_not_more_is_remembered_than_there_is_room_for() -> None:
    flood = bound(keys=10, together=1000)
    assert [number for number in range(5000) if flood.admits(f"user{number}", 0)] == list(range(10))
    assert len(flood._windows) == 10
    assert flood.over(60) == [Rest(None, 4990, 0, 60)]


def test_nothing_is_lost_or_told_twice_however_they_come() -> None:
    flood = bound(together=1000)
    recorded = left_out = asked = 0
    for second in range(0, 5000, 7):
        for key in ("dana", "omar", "vera")[: 1 + second % 3]:
            asked += 1
            recorded += flood.admits(key, second)
        left_out += sum(rest.number for rest in flood.over(second))
    left_out += sum(rest.number for rest in flood.over(10_000))
    assert recorded + left_out == asked


def test_a_difference_has_the_fields_that_changed_and_no_secret() -> None:
    before = {"name": "Frankfurt", "region": "eu-central-1", "external_id": "", "depends_on": None}
    after = {"name": "Main", "region": "eu-central-1", "external_id": "hush", "depends_on": []}
    assert difference(before, after, ["external_id"]) == {
        "before": {"name": "Frankfurt", "external_id": None, "depends_on": None},
        "after": {"name": "Main", "external_id": "changed", "depends_on": []},
    }
    assert difference({}, {"name": "Main", "tags": {}, "sizes": (1, 2)}) == {
        "before": {},
        "after": {"name": "Main", "sizes": [1, 2]},
    }
    assert difference({"name": "Main"}, {}) == {"before": {"name": "Main"}, "after": {}}
