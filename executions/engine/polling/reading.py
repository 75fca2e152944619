"""The rows that one look at a site goes by, as the facts that `decide_poll` takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from drs.port import FAILED, JOB_TYPE_LAUNCH, LAUNCHED
from executions.core.polling import Expectation, PollFacts, WatchedJob
from executions.core.states import ExecutionStatus, OperationState, ServerStatus
from executions.engine.polling.expectations import expectation_of
from executions.models import DrsJob, Operation, ServerRun, SiteWatch, StepRun


@dataclass(slots=True)
class SiteReading:
    """Rows of a site, read by `read`; what was asked in this look is kept from one reading to the next."""

    watch: SiteWatch
    #: Running jobs, and those of which not everything was asked, by DRS's id.
    jobs: dict[str, DrsJob] = field(default_factory=dict)
    listed: bool = False
    logs_read: set[str] = field(default_factory=set)
    examined: set[str] = field(default_factory=set)
    #: Those that are not settled, and those dropped that DRS is at.
    _open: Sequence[Operation] = ()
    _lost_at: datetime | None = None
    _queued: bool = False
    _more_to_come: set[str] = field(default_factory=set)
    #: Learnt once a look.
    _expected: dict[str, Expectation] = field(default_factory=dict)

    @classmethod
    def of(cls, watch: SiteWatch) -> SiteReading:
        reading = cls(watch)
        reading.read()
        return reading

    def read(self) -> None:
        """Read the rows anew, in nine queries at most, besides those that learn what new jobs may take."""
        site = self.watch.pk
        here = Operation.objects.filter(site=site)
        self._open = [*here.open(), *here.at_work_unfollowed(timezone.now())]
        lost = Operation.objects.lost_lately(timezone.now()).filter(site=site)
        self._lost_at = lost.order_by("-settled_at").values_list("settled_at", flat=True).first()
        self._queued = ServerRun.objects.queued_at(site).exists()
        unasked = Q(complete=False) | Q(finished=True, examinations=0, job_id__in=self._accepted())
        self.jobs = {job.job_id: job for job in DrsJob.objects.filter(unasked, site=site)}
        self._more_to_come = _more_to_come(site, [job_id for job_id, job in self.jobs.items() if job.finished])

    def facts(self) -> PollFacts:
        ours = self._accepted()
        return PollFacts(
            jobs=tuple(self.job_facts(job, ours=job.job_id in ours) for job in self.jobs.values()),
            intent_open=any(operation.state == OperationState.INTENDED for operation in self._open),
            servers_queued=self._queued,
            operation_open=bool(self._open),
            lost_at=self._lost_at,
            first=self.watch.polled_at is None,
            listed=self.listed,
            logs_read=frozenset(self.logs_read),
            examined=frozenset(self.examined),
        )

    def job_facts(self, job: DrsJob, *, ours: bool = True) -> WatchedJob:
        return WatchedJob(
            job_id=job.job_id,
            is_launch=job.type == JOB_TYPE_LAUNCH,
            finished=job.finished,
            ours=ours,
            first_seen_at=job.first_seen_at,
            finished_seen_at=job.finished_seen_at,
            log_read_at=job.log_read_at,
            hinted_at=job.hinted_at,
            examinations=job.examinations,
            complete=job.complete,
            failure_unexplained=any(
                status == FAILED and not _known(job, source, "error") for source, status in job.servers.items()
            ),
            instance_unknown=bool(without(job, "instance_id")),
            details_unknown=bool(without(job, "instance_id", "recovery_point_at")),
            more_to_come=job.job_id in self._more_to_come,
            expected=self._expectation(job, ours=ours),
        )

    def _accepted(self) -> set[str]:
        return {operation.job_id for operation in self._open if operation.state != OperationState.INTENDED}

    def _expectation(self, job: DrsJob, *, ours: bool) -> Expectation:
        if job.finished or not (ours or self._queued):
            return Expectation()
        if job.job_id not in self._expected:
            self._expected[job.job_id] = expectation_of(job)
        return self._expected[job.job_id]


def without(job: DrsJob, *details: str) -> list[str]:
    """Source server ids of servers that the job launched and of which one of these details is not known."""
    if job.type != JOB_TYPE_LAUNCH:
        return []
    launched = [source for source, status in job.servers.items() if status == LAUNCHED]
    return [source for source in launched if not all(_known(job, source, detail) for detail in details)]


def _known(job: DrsJob, source: str, detail: str) -> bool:
    return bool(job.progress.get(source, {}).get(detail))


def _more_to_come(site_id: int, finished: Iterable[str]) -> set[str]:
    """Those of these finished jobs whose execution will launch more at the site, and has no step that could ask for
    addresses. Four queries at most, however many jobs there are."""
    executions = dict(Operation.objects.filter(site=site_id, job_id__in=finished).values_list("job_id", "execution"))
    if not executions:
        return set()
    waiting = ServerRun.objects.filter(
        execution__in=set(executions.values()),
        execution__status=ExecutionStatus.RUNNING,
        site=site_id,
        status__in=[ServerStatus.PENDING, ServerStatus.QUEUED, ServerStatus.LAUNCHING],
    )
    jobs_of = defaultdict(set)
    for execution, job_id in waiting.order_by().values_list("execution", "job_id").distinct():
        jobs_of[execution].add(job_id)
    named = set().union(*jobs_of.values())
    over = set(DrsJob.objects.finished().filter(site=site_id, job_id__in=named).values_list("job_id", flat=True))
    launching = {execution for execution, jobs in jobs_of.items() if jobs - over}
    with_steps = set(StepRun.objects.filter(execution__in=launching).values_list("execution", flat=True))
    return {job_id for job_id, execution in executions.items() if execution in launching - with_steps}
