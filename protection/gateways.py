"""From a site to its DRS, and to what steps run on there: the only place where the product meets the edge."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from django.conf import settings
from django.db import connection
from structlog.contextvars import bound_contextvars

from audit import origin
from drs import calls, identity
from drs.automation import automation_for
from drs.automation_port import AutomationPort
from drs.aws import client_for
from drs.errors import DrsError
from drs.identity import Caller
from drs.port import DrsPort, Endpoint
from drs.timing import CallTimes
from foundation.due import keep_claim
from foundation.errors import Unavailable
from protection.models import Site

calls.BEFORE_PAGES.append(keep_claim)

#: What makes the port to an endpoint: the last one that `use` was given.
_factories: list[Callable[[Endpoint], DrsPort]] = [client_for]


@contextmanager
def use(factory: Callable[[Endpoint], DrsPort]) -> Iterator[None]:
    """Meanwhile every gateway, in every thread, leads to the DRS that `factory` makes: for tests and benchmarks."""
    _factories.append(factory)
    try:
        yield
    finally:
        _factories.remove(factory)


def gateway(site: Site) -> DrsPort:
    """The DRS of this site. Every call, and every page of an answer, must be asked for outside a transaction.

    A call may take tens of seconds; inside a transaction it would hold locks for as long, and a rollback could
    forget what AWS has done. Raises `drs.errors.DrsError` only, AssertionError for a call inside a transaction, and
    `LeaseLost` in a look whose row another worker holds by now: each call prolongs the look's claim.
    """
    return cast("DrsPort", _OutsideTransactions(_factories[-1](endpoint(site)), site.name))


def automation(site: Site) -> AutomationPort:
    """Systems Manager and Lambda of this site, by the rules of `gateway`."""
    return cast("AutomationPort", _OutsideTransactions(automation_for(endpoint(site)), site.name))


def endpoint(site: Site) -> Endpoint:
    """Where and as whom this site is called."""
    return Endpoint(
        region=site.region,
        account_id=site.account_id,
        role_arn=site.role_arn,
        external_id=site.external_id,
        endpoint_url=site.endpoint_url,
        call_times=CallTimes(settings.DRSORCH_CALL_LIMIT_SECONDS),
    )


class _OutsideTransactions:
    """A port whose every call first asserts that no transaction is open, keeps what the look has claimed, and says for
    whom and where it is made."""

    def __init__(self, port: DrsPort | AutomationPort, site: str) -> None:
        self._port = port
        self._site = site

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._port, name)

        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            assert_no_transaction(name)
            keep_claim()
            with _said(self._site):
                answer = method(*args, **kwargs)
            return _pages(name, self._site, answer) if isinstance(answer, Iterator) else answer

        return call


def _pages(name: str, site: str, answer: Iterator[Any]) -> Iterator[Any]:
    """Iterators call AWS as they go, so each step is a call of its own."""
    while True:
        assert_no_transaction(name)
        try:
            with _said(site):
                item = next(answer)
        except StopIteration:
            return
        yield item


@contextmanager
def _said(site: str) -> Iterator[None]:
    """The call's line in the log, and AWS, say whose doing it is: what the engine says, else the person who asks."""
    caller = identity.current()
    if not caller.person and (asking := origin.current()).actor.id is not None:
        caller = Caller(asking.actor.name)
    said = {"site": site, **({"user": caller.person} if caller.person else {})}
    with bound_contextvars(**said), identity.calling_for(caller):
        yield


@contextmanager
def asking_aws(operation: str) -> Iterator[None]:
    """Around a call that is made at no site, such as of S3: its error is `Unavailable`, which people read."""
    assert_no_transaction(operation)
    try:
        yield
    except DrsError as error:
        raise Unavailable(error.message) from error


def assert_no_transaction(name: str) -> None:
    """Raise AssertionError inside a transaction. Those that a test case wraps around itself do not count."""
    # `python -O` strips assert statements; this one must hold in production too.
    if any(not getattr(block, "_from_testcase", False) for block in connection.atomic_blocks):
        raise AssertionError(f"{name} would call AWS inside a database transaction.")
