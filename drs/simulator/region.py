"""One account in one Region: its servers, instances and jobs, and how jobs move on with the clock.

Nothing runs in the background. Every call first brings the Region up to date (`advance`), so that with a clock set by
hand everything is deterministic.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from drs.simulator import quotas
from drs.simulator.errors import WireError
from drs.simulator.faults import SERVER_FAULTS, Faults
from drs.simulator.jobs import Course, Durations, Effect, Step, launch_timeline, termination_timeline
from drs.simulator.native import NativePlans
from drs.simulator.runs import Runs
from drs.simulator.state import Instance, JobRecord, LastLaunch, LogEntry, Participant, Server, identifier

BUSY = "One or more of the Source Servers included in API call are currently being processed by a Job"


class Region:
    def __init__(
        self,
        account: str,
        name: str,
        *,
        seed: int,
        faults: Faults,
        limits: quotas.Limits,
        durations: Durations,
        initialised: bool = True,
    ) -> None:
        self.account = account
        self.name = name
        self.initialised = initialised
        self.limits = limits
        self.servers: dict[str, Server] = {}
        self.instances: dict[str, Instance] = {}
        self.jobs: dict[str, JobRecord] = {}
        self.runs = Runs()
        self.native = NativePlans()
        self._unfinished: dict[str, JobRecord] = {}
        self._seed = seed
        self._faults = faults
        self._durations = durations
        self._made = 0

    def arn(self, kind: str, identity: str) -> str:
        return f"arn:aws:drs:{self.name}:{self.account}:{kind}/{identity}"

    def busy_servers(self) -> dict[str, str]:
        """Every server in an unfinished job, with the job's id. A TERMINATE job counts as well."""
        return {server_id: job.id for job in self._unfinished.values() for server_id in job.participants}

    def start_recovery(
        self,
        now: datetime,
        speed: float,
        wanted: Mapping[str, datetime | None],
        *,
        is_drill: bool,
        tags: Mapping[str, str],
    ) -> JobRecord:
        """Accept a launch of servers, each at a point in time (None: the latest). Raises `WireError` if refused."""
        self._check_room(wanted)
        servers = [self.servers[server_id] for server_id in wanted]
        courses = [self._course(server, "StartRecovery", at=wanted[server.id]) for server in servers]
        job = self._new_job(
            now, "LAUNCH", "START_DRILL" if is_drill else "START_RECOVERY",
            [Participant(server_id, point_in_time=at) for server_id, at in wanted.items()], tags,
        )  # fmt: skip
        self._schedule(job, launch_timeline(courses, self._durations, f"{self._seed}/{job.id}"), speed)
        hidden = self._faults.strike("late_visibility", "StartRecovery", self.account, self.name, servers)
        if hidden is not None:
            job.visible_from = now + timedelta(seconds=hidden.options["seconds"])
        for server in servers:
            server.last_launch = LastLaunch(job.id, now, is_drill, "PENDING")
        return job

    def terminate(self, now: datetime, speed: float, instance_ids: Sequence[str]) -> JobRecord:
        """Accept the termination of recovery instances. Raises `WireError` if refused."""
        instances = [self.instances[instance_id] for instance_id in instance_ids]
        self._check_room({instance.server_id: None for instance in instances})
        courses = []
        for instance in instances:
            server = self.servers.get(instance.server_id)
            courses.append(self._course(server, "TerminateRecoveryInstances") if server else Course(instance.server_id))
        participants = [Participant(instance.server_id, instance_id=instance.id) for instance in instances]
        job = self._new_job(now, "TERMINATE", "TERMINATE_RECOVERY_INSTANCES", participants, {})
        self._schedule(job, termination_timeline(courses, self._durations, f"{self._seed}/{job.id}"), speed)
        return job

    def advance(self, now: datetime) -> None:
        """Let everything happen that is due by `now`."""
        for job in list(self._unfinished.values()):
            while job.steps and job.created_at + timedelta(seconds=job.steps[0].after) <= now:
                self._happen(job, job.steps.pop(0))

    def remove_server(self, server_id: str) -> None:
        """The server is gone from DRS, as after a DeleteSourceServer; its recovery instance stays."""
        del self.servers[server_id]

    def delete_instance(self, instance_id: str) -> None:
        """The instance is gone from DRS and stays in EC2; what the server's last launch was stays known."""
        instance = self._remove_instance(instance_id)
        if instance is not None and (server := self.servers.get(instance.server_id)) is not None:
            server.kept_instances.append(instance.id)

    def _check_room(self, wanted: Mapping[str, Any]) -> None:
        if len(wanted) > self.limits.servers_per_job:
            raise quotas.exceeded("servers_per_job", self.limits.servers_per_job, len(wanted))
        busy = self.busy_servers()
        for server_id in wanted:
            if server_id in busy:
                raise WireError(
                    409, "ConflictException", BUSY,
                    resourceId=server_id, resourceType="SOURCE_SERVER",
                )  # fmt: skip
        if len(self._unfinished) >= self.limits.concurrent_jobs:
            raise quotas.exceeded("concurrent_jobs", self.limits.concurrent_jobs, len(self._unfinished) + 1)
        if len(busy) + len(wanted) > self.limits.servers_in_jobs:
            raise quotas.exceeded("servers_in_jobs", self.limits.servers_in_jobs, len(busy) + len(wanted))

    def _course(self, server: Server, operation: str, *, at: datetime | None = None) -> Course:
        struck = (self._faults.strike(name, operation, self.account, self.name, [server]) for name in SERVER_FAULTS)
        fault = next((fault for fault in struck if fault is not None), None)
        return Course(
            server_id=server.id,
            is_windows=server.is_windows,
            has_instance=server.instance_id is not None or bool(server.kept_instances),
            skips_conversion=server.launch_configuration["recoveryMode"] == "FAST",
            uses_chosen_snapshot=at is not None,
            fault=fault.name if fault else "",
            options=dict(fault.options) if fault else {},
        )

    def _new_job(
        self, now: datetime, kind: str, initiated_by: str, participants: Iterable[Participant], tags: Mapping[str, str]
    ) -> JobRecord:
        self._made += 1
        identity = identifier("drsjob", self._seed, self.account, self.name, self._made)
        job = JobRecord(
            sequence=self._made,
            id=identity,
            arn=self.arn("job", identity),
            type=kind,
            initiated_by=initiated_by,
            created_at=now,
            participants={participant.server_id: participant for participant in participants},
            tags=dict(tags),
            steps=[],
            visible_from=now,
        )
        self.jobs[identity] = job
        self._unfinished[identity] = job
        return job

    @staticmethod
    def _schedule(job: JobRecord, timeline: Iterable[Step], speed: float) -> None:
        job.steps = [Step(step.after / speed, step.effect, step.event, step.server_id, step.data) for step in timeline]

    def _happen(self, job: JobRecord, step: Step) -> None:
        at = job.created_at + timedelta(seconds=step.after)
        data = dict(step.data)
        if step.server_id is not None:
            data["sourceServerID"] = step.server_id
        if step.effect is not None:
            data |= self._apply(job, step.effect, step.server_id or "", at)
        if step.event is not None:
            job.log.append(LogEntry(at, step.event, data))

    def _apply(self, job: JobRecord, effect: Effect, server_id: str, at: datetime) -> dict[str, str]:
        """Change the world; returns what the change adds to the log item."""
        if effect is Effect.JOB_STARTED:
            job.status = "STARTED"
            return {}
        if effect is Effect.JOB_ENDED:
            job.status, job.ended_at = "COMPLETED", at
            del self._unfinished[job.id]
            return {}
        participant = job.participants[server_id]
        server = self.servers.get(server_id)
        match effect:
            case Effect.OLD_INSTANCE_REMOVED:
                self._remove_earlier(server)
            case Effect.LAUNCH_BEGUN:
                self._set_status(job, participant, server, "IN_PROGRESS")
            case Effect.INSTANCE_APPEARED:
                participant.instance_id = self._new_instance(job, participant, server, at).id
            case Effect.SERVER_LAUNCHED | Effect.SERVER_LAUNCHED_UNSAID:
                said = effect is Effect.SERVER_LAUNCHED
                self._set_status(job, participant, server, "LAUNCHED" if said else "PENDING")
                instance = self.instances[participant.instance_id or ""]
                stopped = server is not None and server.launch_configuration["launchDisposition"] == "STOPPED"
                instance.ec2_state = "STOPPED" if stopped else "RUNNING"
                if server is not None:
                    server.instance_id = instance.id
                return {"targetInstanceID": instance.id}
            case Effect.SERVER_FAILED:
                self._set_status(job, participant, server, "FAILED")
            case Effect.TERMINATION_BEGUN:
                if participant.instance_id in self.instances:
                    self.instances[participant.instance_id].ec2_state = "SHUTTING-DOWN"
            case Effect.INSTANCE_TERMINATED:
                self._terminate_instance(participant.instance_id)
                participant.launch_status = "TERMINATED"
        return {}

    @staticmethod
    def _set_status(job: JobRecord, participant: Participant, server: Server | None, status: str) -> None:
        participant.launch_status = status
        if job.type == "LAUNCH" and server is not None and server.last_launch is not None:
            server.last_launch.status = status

    def _new_instance(self, job: JobRecord, participant: Participant, server: Server | None, at: datetime) -> Instance:
        self._made += 1
        identity = identifier("i", self._seed, job.id, participant.server_id)
        copied = server is not None and server.launch_configuration["copyTags"]
        lag = server.lag(job.created_at) if server is not None else timedelta()
        # Even with no lag the newest consistent copy is some seconds old.
        lag = lag or timedelta(seconds=round(random.Random(f"{self._seed}/{identity}").uniform(0.5, 15.0), 3))
        hidden = self._faults.strike(
            "late_instance", "StartRecovery", self.account, self.name, [server] if server is not None else []
        )
        instance = Instance(
            id=identity,
            arn=self.arn("recovery-instance", identity),
            server_id=participant.server_id,
            job_id=job.id,
            is_drill=job.is_drill,
            ec2_state="PENDING",
            point_in_time=participant.point_in_time or job.created_at - lag,
            tags=dict(server.tags) if server is not None and copied else {},
            created_at=at,
            sequence=self._made,
            visible_from=at + timedelta(seconds=hidden.options["seconds"] if hidden else 0),
        )
        self.instances[identity] = instance
        return instance

    def _remove_earlier(self, server: Server | None) -> None:
        if server is not None:
            self._remove_instance(server.instance_id)
            server.kept_instances.clear()

    def _terminate_instance(self, instance_id: str | None) -> None:
        instance = self._remove_instance(instance_id)
        launch = server.last_launch if instance and (server := self.servers.get(instance.server_id)) else None
        if instance is not None and launch is not None and launch.job_id == instance.job_id:
            launch.status = "TERMINATED"

    def _remove_instance(self, instance_id: str | None) -> Instance | None:
        instance = self.instances.pop(instance_id or "", None)
        server = self.servers.get(instance.server_id) if instance is not None else None
        if server is not None and server.instance_id == instance_id:
            server.instance_id = None
        return instance
