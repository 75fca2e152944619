"""What verifying says."""

from __future__ import annotations

from audit.verification.report import MOST_FAULTS, Fault, Found


def test_what_was_found_is_reported_whole() -> None:
    found = Found(events=7, warnings=("A key is weak.",))
    found.chains["site"] += 2
    said = found.result()
    assert (said.ok, said.events, said.chains, said.warnings) == (True, 7, {"site": 2}, ("A key is weak.",))
    found.add("site", "7", "Frankfurt", "It was changed.", 3)
    found.add("site", "8", "Dublin", "It was changed.")
    said = found.result()
    assert (said.ok, said.fault_count) == (False, 2)
    assert said.faults == (
        Fault("site", "7", "Frankfurt", "It was changed.", 3),
        Fault("site", "8", "Dublin", "It was changed.", None),
    )


def test_of_very_many_faults_the_first_are_kept_and_all_are_counted() -> None:
    found = Found()
    for number in range(MOST_FAULTS + 2):
        found.add("site", str(number), "", "It was changed.")
    said = found.result()
    assert (len(said.faults), said.fault_count) == (MOST_FAULTS, MOST_FAULTS + 2)
    assert said.faults[-1].subject_id == str(MOST_FAULTS - 1)
