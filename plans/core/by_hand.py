"""What to type if drsorch is down: the AWS CLI's commands for what it would ask DRS for (docs/drs.md 1.1, 4, 5.2)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

#: Source servers in one job (docs/drs.md 4).
SERVERS_A_JOB: Final = 100
#: Of ids, so that a printed line is not cut.
_IN_A_LINE: Final = 2
_ON: Final = " \\\n    "


@dataclass(frozen=True, slots=True)
class Place:
    """The DRS of a site."""

    name: str
    account_id: str
    region: str
    #: Empty for AWS's own.
    endpoint_url: str = ""

    @property
    def options(self) -> str:
        endpoint = f" --endpoint-url {shlex.quote(self.endpoint_url)}" if self.endpoint_url else ""
        return f"--region {shlex.quote(self.region)}{endpoint}"


def launch(place: Place, source_server_ids: Sequence[str], *, drill: bool) -> list[str]:
    """The commands that launch the servers, a job each."""
    kind = "--is-drill" if drill else "--no-is-drill"
    return [
        f"aws drs start-recovery {place.options} {kind}{_ON}--source-servers"
        + _wrapped([f"sourceServerID={each}" for each in ids])
        for ids in _jobs(source_server_ids)
    ]


def watch(place: Place) -> str:
    """The command that shows how a job goes."""
    return (
        f"aws drs describe-jobs {place.options} --filters jobIDs=JOB_ID{_ON}"
        "--query 'items[].[status,participatingServers[].[sourceServerID,launchStatus]]'"
    )


def terminate_drill(place: Place, source_server_ids: Sequence[str]) -> list[str]:
    """The commands that terminate the drill instances of these servers, and nothing that a recovery has launched."""
    return [
        f"aws drs terminate-recovery-instances {place.options} --recovery-instance-ids \\\n"
        f"  $(aws drs describe-recovery-instances {place.options} --output text{_ON}"
        f"--query 'items[?isDrill].recoveryInstanceID'{_ON}--filters sourceServerIDs=\\\n{_listed(ids)})"
        for ids in _jobs(source_server_ids)
    ]


def _jobs(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[at : at + SERVERS_A_JOB] for at in range(0, len(ids), SERVERS_A_JOB)]


def _wrapped(words: Sequence[str]) -> str:
    lines = [words[at : at + _IN_A_LINE] for at in range(0, len(words), _IN_A_LINE)]
    return "".join(f"{_ON}  {' '.join(line)}" for line in lines)


def _listed(ids: Sequence[str]) -> str:
    """Without blanks, as the CLI's shorthand wants it: a line that ends in a backslash goes on at once."""
    lines = [",".join(ids[at : at + 3]) for at in range(0, len(ids), 3)]
    return ",\\\n".join(lines)
