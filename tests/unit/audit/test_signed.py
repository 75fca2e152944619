"""What signatures cover, to the byte: another spelling would make every trail that was ever signed look forged."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from audit import keys
from audit.canonical import moment
from audit.signed import end_text, event_text, head_text, milestone_text

AT = datetime(2026, 11, 23, 9, 0, 0, 5, tzinfo=UTC)


def test_each_text_is_of_its_own_kind_and_spelled_for_ever() -> None:
    assert event_text({"sequence": 1, "at": AT}) == b'{"at":"2026-11-23T09:00:00.000005+00:00","sequence":1}'
    assert milestone_text({"sequence": 1, "at": AT}) == (
        b'{"milestone":{"at":"2026-11-23T09:00:00.000005+00:00","sequence":1}}'
    )
    assert head_text("execution", "7", 3, "ab") == b'["head","execution","7",3,"ab"]'
    assert head_text("site", "7", 3, "ab", "") == b'["head","site","7",3,"ab",""]'
    assert end_text(3, "ab") == b'["ledger",3,"ab"]'


def test_a_moment_is_told_in_utc() -> None:
    assert moment(AT.astimezone(timezone(timedelta(hours=-5)))) == "2026-11-23T09:00:00.000005+00:00"


def test_keys_are_derived_the_same_for_ever() -> None:
    """Whoever restores a backup with the same secrets verifies what was signed before."""
    key, other = keys._keys((("2026", "secret"),), ("django",)).values()
    assert (key.id, key.secret.hex()) == ("2026", "32cce507a92e2b50d067852a5f70514a210325aae2eb37fe1825e71d910727d3")
    assert (other.id, other.secret.hex()) == (
        "derived-ed3a530d",
        "be3ee97b48c8b43b25a8dc8fb88fa616a63acf6fc40c03a54e65be8f18867976",
    )
    assert key.mac(b"text") == "9ac39de9c0117d5c008437889f889f30164e86dc570cd94ed2633870d36dfcae"


def test_what_a_key_signed_is_told_from_what_it_did_not_and_from_what_nobody_knows() -> None:
    known = keys._keys((("2026", "secret"),), ())
    mac = known["2026"].mac(b"text")
    assert keys.is_mac(known, "2026", b"text", mac) is True
    assert keys.is_mac(known, "2026", b"test", mac) is False
    assert keys.is_mac(known, "2025", b"text", mac) is None
