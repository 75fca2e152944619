"""The brokers that messages may go through, by the scheme of DRAMATIQ_BROKER_URL: one table for settings, checks and
health. Read by settings: no Django here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pika
import redis

#: How long a broker may take to answer.
_ANSWERS_WITHIN_SECONDS = 2


def _ping_redis(url: str) -> None:
    limits = {"socket_connect_timeout": _ANSWERS_WITHIN_SECONDS, "socket_timeout": _ANSWERS_WITHIN_SECONDS}
    with redis.Redis.from_url(url, **limits) as client:
        client.ping()


def _ping_rabbitmq(url: str) -> None:
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = _ANSWERS_WITHIN_SECONDS
    pika.BlockingConnection(parameters).close()


@dataclass(frozen=True, slots=True)
class Broker:
    #: Dramatiq's class, as a dotted path.
    path: str
    #: What is said of it while it is well.
    well: str
    #: Raises what its client raises where it does not answer; None where nothing has to be reached.
    ping: Callable[[str], None] | None = None
    options: Mapping[str, Any] | None = None

    def configuration(self, url: str) -> dict[str, Any]:
        """`BROKER` and `OPTIONS` of django-dramatiq."""
        return {"BROKER": self.path, "OPTIONS": {"url": url, **(self.options or {})} if self.ping else {}}


_MEMORY = Broker("dramatiq.brokers.stub.StubBroker", "Messages stay in this process.")
_REDIS = Broker(
    "dramatiq.brokers.redis.RedisBroker",
    "Redis answers.",
    _ping_redis,
    # A killed worker's messages come back in seconds instead of minutes. The heartbeat is in milliseconds.
    {"heartbeat_timeout": 15_000, "maintenance_chance": 1_000_000},
)
_RABBITMQ = Broker("dramatiq.brokers.rabbitmq.RabbitmqBroker", "RabbitMQ answers.", _ping_rabbitmq)

BROKERS: Final[Mapping[str, Broker]] = {
    "memory": _MEMORY,
    "redis": _REDIS,
    "rediss": _REDIS,
    "amqp": _RABBITMQ,
    "amqps": _RABBITMQ,
}


def scheme_of(url: str) -> str:
    return url.partition("://")[0]


def broker_of(url: str) -> Broker:
    """The broker of this URL; memory for a scheme that is unknown, which `drsorch.checks` refuses."""
    return BROKERS.get(scheme_of(url), _MEMORY)
