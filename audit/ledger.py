"""The ledger: one signed chain over all chains, of the events that must not disappear together with their row.

Deleting a row with all its events leaves a hole here, and so does cutting its chain back to an older state, even if
everything about that state is genuine. Adding to the ledger takes the lock of one row for everybody; that is why only
few events are kept, and why appending comes last in a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

from audit.keys import Key
from audit.models import Chain, Chained, Event, Ledger, Milestone
from audit.signed import MILESTONE_COLUMNS, end_text, head_text, milestone_text


def locked() -> Ledger:
    """The ledger's row, locked until the transaction ends."""
    return Ledger.objects.select_for_update().get_or_create(pk=Ledger.THE_ONE)[0]


def keep(events: Sequence[Event], key: Key) -> None:
    """Keep these events, just appended, as milestones."""
    if not events:
        return
    row = locked()
    milestones = []
    for event in events:
        row.milestone_count += 1
        milestone = Milestone(
            sequence=row.milestone_count,
            subject_type=event.subject_type,
            subject_id=event.subject_id,
            event_sequence=event.sequence,
            event_hash=event.hash,
            at=event.at,
            previous_hash=row.last_milestone_hash,
            key_id=key.id,
        )
        milestone.hash = key.mac(milestone_text({name: getattr(milestone, name) for name in MILESTONE_COLUMNS}))
        row.last_milestone_hash = milestone.hash
        milestones.append(milestone)
    Milestone.objects.bulk_create(milestones, batch_size=500)
    row.milestone_mac = f"{key.id}:{key.mac(end_text(row.milestone_count, row.last_milestone_hash))}"
    row.save(update_fields=["milestone_count", "last_milestone_hash", "milestone_mac"])


def head_mac(subject: Chained, key: Key) -> str:
    """The signature of the end of a row's chain, as the row keeps it."""
    name = subject.name if isinstance(subject, Chain) else None
    text = head_text(subject.subject_type, subject.subject_id, subject.event_count, subject.last_event_hash, name)
    return f"{key.id}:{key.mac(text)}"
