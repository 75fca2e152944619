"""Plan documents for the tests, as a script would write them, and hypothesis strategies that make them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from foundation.names import name_clean, name_problem
from plans.core.purpose import Scenario

#: Protection groups by id, as `normalise` is told of them.
GROUPS = {index: f"group-{index}" for index in range(1, 13)} | {
    20: "shop-db",
    21: "shop-app",
    22: "shop-web",
    23: "300",
}


def web_shop() -> dict[str, Any]:
    """Two waves side by side after the first, and one more."""
    return {
        "name": "Web shop",
        "waves": [
            {"name": "Databases", "protection_groups": ["shop-db"]},
            {"name": "App", "depends_on": ["Databases"], "protection_groups": ["shop-app"]},
            {
                "name": "Reports",
                "depends_on": ["Databases"],
                "protection_groups": ["group-1"],
                "on_failure": "continue",
            },
            {"name": "Web", "depends_on": ["App"], "protection_groups": ["shop-web"]},
        ],
    }


def step(kind: str, parameters: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {"name": f"a {kind}", "when": "before", "kind": kind, "parameters": parameters or {}, **fields}


def graphs(*, acyclic: bool, largest: int = 10) -> st.SearchStrategy[list[tuple[int, ...]]]:
    """Any graph at all, or, when acyclic, one whose waves wait only for waves above them, shuffled."""

    @st.composite
    def build(draw: st.DrawFn) -> list[tuple[int, ...]]:
        size = draw(st.integers(0, largest))
        if not acyclic:
            return [tuple(sorted(draw(st.sets(st.integers(0, size - 1), max_size=3)))) for _ in range(size)]
        place = draw(st.permutations(range(size)))
        graph: list[tuple[int, ...]] = [()] * size
        for index in range(size):
            above = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
            graph[place[index]] = tuple(sorted(place[other] for other in above))
        return graph

    return build()


_names = (
    st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=20)
    .map(name_clean)
    .filter(lambda name: not name_problem(name))
)


def purposes() -> st.SearchStrategy[dict[str, Any]]:
    """What runs of a plan are for, some fields written and some left out."""
    texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
    texts_by_name = dict.fromkeys(
        ["scenario", "objectives", "assumptions", "expected_outcome", "exclusions", "not_tested"], texts
    )
    lines = st.one_of(st.just(""), _names)
    return st.fixed_dictionaries(
        {},
        optional={
            "mtpd_seconds": st.none() | st.integers(1, 7200),
            "business_owner": lines,
            "business_functions": st.lists(_names, unique=True, max_size=3),
            "scenario_type": st.sampled_from(["", *Scenario]),
            "risk_reference": lines,
            **texts_by_name,
        },
    )


@st.composite
def plans(draw: st.DrawFn) -> dict[str, Any]:
    """A valid plan, some fields written and some left to their defaults."""
    graph = draw(graphs(acyclic=True, largest=6))
    names = draw(st.lists(_names, min_size=len(graph), max_size=len(graph), unique=True))
    groups = draw(st.permutations(sorted(GROUPS.values())))
    waves = []
    for position, wanted in enumerate(graph):
        wave: dict[str, Any] = {
            "name": names[position],
            "protection_groups": [groups[position]],
            "depends_on": [names[other] for other in wanted],
            "steps": draw(st.lists(st.just(step("approval")), max_size=1)),
        }
        wave |= draw(
            st.fixed_dictionaries(
                {},
                optional={
                    "minimum_success_percent": st.integers(0, 100),
                    "on_failure": st.sampled_from(["stop", "continue"]),
                    "start_delay_seconds": st.integers(0, 7200),
                    "launch_timeout_seconds": st.integers(1, 7200),
                },
            )
        )
        waves.append(wave)
    purpose = draw(purposes())
    return {"name": "p" + draw(_names), "approvals_required": draw(st.integers(0, 3)), **purpose, "waves": waves}
