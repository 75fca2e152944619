"""Has anything been changed, removed, inserted or cut off: in the audit trail, or in rows behind its back?

In one pass over all chains, in the order of the ledger, and in memory that does not grow with the trail: chains are
read some hundred at a time, and nothing is asked of the database for each chain or event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils import timezone

from audit import keys
from audit.canonical import moment
from audit.event_types import EventType
from audit.holding import HOLDERS
from audit.models import Chain, Chained, Event, Ledger, Milestone
from audit.once import triggers
from audit.once.append_only import AppendOnly
from audit.places import Directory, place_of
from audit.signed import MILESTONE_COLUMNS, end_text, milestone_text
from audit.verification import rows
from audit.verification.days import Day, Days, days_of, line_of
from audit.verification.keeping import check_kept, heads_file
from audit.verification.report import Found, Verification
from audit.verification.rows import Key
from audit.verification.snapshot import snapshot
from foundation.wording import count, listing

_FETCH = 2000
_PORTION = 500
#: Said of a row that nobody recorded.
ADDED = "The row has no audit trail: it was added in the database."


def verify(
    subject_ids: Collection[str] = (), *, heads: Path | str | None = None, keep: Path | None = None
) -> Verification:
    """Verify every chain of the audit trail, the ledger, and the rows that are held to them.

    With `subject_ids` only the chains of those rows. `heads`: a file of heads that was kept outside the database, or a
    place of them (`audit.places`), to be compared too. `keep`: a file to write where every chain ends, if nothing is
    wrong. Raises `Unavailable` if heads cannot be read or written.
    """
    found = Found(warnings=warnings())
    if heads is not None:
        # Not in the snapshot, as others are asked; what is kept outside is in the database for good.
        check_kept(place_of(str(heads)), found)
    with snapshot():
        if subject_ids:
            _some(found, subject_ids)
        else:
            _everything(found)
        if keep is not None and not found.fault_count:
            _keep(keep)
    return found.result()


def warnings() -> tuple[str, ...]:
    """What is wrong with what guards the trail in the database, in sentences."""
    tables = triggers.unguarded(connection, AppendOnly.tables())
    if not tables:
        return ()
    return (
        f"The database does not refuse changes of {listing(tables)}: {'its' if len(tables) == 1 else 'their'} triggers "
        "are missing or were changed. Find out who did that. Create them again: manage.py guard_audit.",
    )


def faults(subject: Chained) -> list[str]:
    """What is wrong with the row and its chain, in sentences; empty if nothing is."""
    return [fault.message for fault in verify([subject.subject_id]).faults]


def is_known(subject_id: str) -> bool:
    """True if a row with this id can have a chain, or if there is anything of one."""
    return next(_keys_of([subject_id]), None) is not None


def recorded() -> list[Day]:
    """The days that have a head, as the trail says, in their order."""
    heads = Event.objects.filter(
        subject_type=Ledger.subject_type, subject_id=str(Ledger.THE_ONE), type=EventType.AUDIT_DAILY_HEAD.value
    )
    return days_of(heads.order_by("sequence").values_list("sequence", "detail"))


def chain_order() -> Iterator[Key]:
    """Every chain that the ledger knows, in the order in which they began."""
    births = Milestone.objects.filter(event_sequence=1).order_by("sequence")
    yield from births.values_list("subject_type", "subject_id").iterator(_FETCH)


def _keep(path: Path) -> None:
    with heads_file(Directory(path.parent), path.name) as file:
        for batch, ends in rows.batches(chain_order()):
            for key in batch:
                file.line(line_of(*key, ends[key].event_count, ends[key].last_event_hash))
        file.end({"since": None, "until": moment(timezone.now())})


def _everything(found: Found) -> None:
    _ledger(found)
    days = Days(recorded())
    with_row: Counter[str] = Counter()
    for batch, ends in rows.batches(chain_order()):
        rows.follow(batch, ends, found, days)
        with_row.update(subject_type for subject_type, subject_id in batch if (subject_type, subject_id) in ends)
    if Event.objects.count() != found.events:
        for batch, ends in rows.batches(_strangers()):
            rows.follow(batch, ends, found, Days(), strangers=True)
    _rows_without_chain(found, with_row)
    _rows_unknown(found)
    for sequence, message in days.faults():
        _fault(found, message, sequence)


def _some(found: Found, subject_ids: Collection[str]) -> None:
    keys_of = list(dict.fromkeys(_keys_of(subject_ids)))
    known = set(
        Milestone.objects.filter(subject_id__in=list(subject_ids), event_sequence=1).values_list(
            "subject_type", "subject_id"
        )
    )
    for strangers in (False, True):
        for batch, ends in rows.batches(key for key in keys_of if (key not in known) is strangers):
            rows.follow(batch, ends, found, Days(), strangers=strangers)


def _keys_of(subject_ids: Collection[str]) -> Iterator[Key]:
    ids = list(subject_ids)
    columns = ("subject_type", "subject_id")
    yield from Milestone.objects.filter(subject_id__in=ids, event_sequence=1).values_list(*columns)
    yield from Event.objects.filter(subject_id__in=ids).order_by().values_list(*columns).distinct()
    for subject_type, model in rows.chained_models().items():
        for row in model._base_manager.filter(pk__in=rows.primary_keys(model, ids)):
            yield subject_type, row.subject_id


# --- the ledger ---------------------------------------------------------------------------------------------------


def _ledger(found: Found) -> None:
    """Follow the milestones to the end that the ledger's row keeps."""
    previous, number = "", 0
    without_key: Counter[str] = Counter()
    known = keys.known()
    for row in Milestone.objects.order_by("sequence").values_list(*MILESTONE_COLUMNS, "hash").iterator(_FETCH):
        values, stored = dict(zip(MILESTONE_COLUMNS, row, strict=False)), row[-1]
        sequence, key_id = values["sequence"], values["key_id"]
        if sequence != number + 1:
            _fault(found, f"Entry {number + 1} of the ledger is missing: the next one is {sequence}.")
        if values["previous_hash"] != previous:
            _fault(found, f"Entry {sequence} of the ledger does not continue from the one before it.")
        signed = keys.is_mac(known, key_id, milestone_text(values), stored)
        if signed is None:
            without_key[key_id] += 1
        elif not signed:
            _fault(found, f"Entry {sequence} of the ledger was changed after it was written.")
        previous, number = stored, sequence
    for key_id, entries in without_key.items():
        some = count(entries, "entry", "entries")
        _fault(found, f"{some} of the ledger signed with the key {key_id}, which is missing from DRSORCH_AUDIT_KEYS.")
    end = Ledger.objects.filter(pk=Ledger.THE_ONE).first()
    if end is None:
        if number:
            _fault(found, f"The ledger's row was deleted: {count(number, 'entry', 'entries')} stored.")
        return
    if (number, previous) != (end.milestone_count, end.last_milestone_hash):
        written = count(end.milestone_count, "entry", "entries")
        _fault(found, f"The end of the ledger was changed: {written} written, {number} stored.")
    key_id, _, mac = end.milestone_mac.partition(":")
    signed = keys.is_mac(known, key_id, end_text(end.milestone_count, end.last_milestone_hash), mac)
    if not signed and not (signed is None and key_id in without_key):
        _fault(found, "The end of the ledger was changed in the database: its signature is not drsorch's.")


def _fault(found: Found, message: str, sequence: int | None = None) -> None:
    found.add(Ledger.subject_type, str(Ledger.THE_ONE), "the ledger", message, sequence)


# --- what the ledger does not know ---------------------------------------------------------------------------------


def _strangers() -> Iterator[Key]:
    """Chains with events that the ledger does not know."""
    known = Milestone.objects.filter(
        subject_type=OuterRef("subject_type"), subject_id=OuterRef("subject_id"), event_sequence=1
    )
    of = Event.objects.filter(~Exists(known)).order_by().values_list("subject_type", "subject_id").distinct()
    yield from of.iterator(_FETCH)


def _rows_without_chain(found: Found, with_row: Counter[str]) -> None:
    """Rows that keep the end of a chain, of which there is nothing."""
    for subject_type, model in rows.chained_models().items():
        if model is not Ledger and model._base_manager.count() != with_row[subject_type]:
            _name_strange(found, model)
    kept_apart = sum(number for subject_type, number in with_row.items() if subject_type not in rows.chained_models())
    if Chain.objects.count() != kept_apart:
        _name_strange(found, Chain)


def _rows_unknown(found: Found) -> None:
    """Rows that keep no end of a chain, and have none."""
    for subject_type, holder in HOLDERS.items():
        try:
            for some in rows.in_portions(holder.existing(), _PORTION):
                names = {str(key): name for key, name in some}
                chains = Chain.objects.filter(subject_type=subject_type, subject_id__in=list(names))
                for subject_id in names.keys() - set(chains.values_list("subject_id", flat=True)):
                    found.add(subject_type, subject_id, names[subject_id], ADDED)
        except rows.UNREADABLE:
            found.add(subject_type, "", "", "The id of a row was changed in the database to something else.")


def _name_strange(found: Found, model: type[Chained]) -> None:
    for row in model._base_manager.order_by("pk").iterator(_FETCH):
        key = {"subject_type": row.subject_type, "subject_id": row.subject_id}
        # Asked for each row, as something is wrong already.
        if not Milestone.objects.filter(**key, event_sequence=1).exists() and not Event.objects.filter(**key).exists():
            found.chains[row.subject_type] += 1
            found.add(row.subject_type, row.subject_id, str(row), ADDED)
