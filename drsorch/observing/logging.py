"""Logs: one JSON object a line, whoever writes it; on a terminal, lines for people. What is secret does not get in."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Collection, MutableMapping
from functools import partial
from typing import Any, Final

import structlog
from structlog.typing import EventDict, WrappedLogger

from foundation.version import VERSION

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
HIDDEN: Final = "[secret]"
#: Shorter than that, a secret is a word that lines have for other reasons.
_SHORTEST_SECRET: Final = 8
_secrets: list[str] = []
#: What is secret whatever it is in: an API token; what follows a scheme of authentication; a password in an address.
_LOOKS_SECRET: Final = (
    (re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{64}(?![0-9A-Za-z])"), HIDDEN),
    (re.compile(r"\b(Bearer|Basic|Token) +[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{HIDDEN}@"),
)


def keep_out(secrets: Collection[str]) -> None:
    """These texts never stand in a line, whoever writes it."""
    _secrets[:] = sorted({text for text in secrets if len(text) >= _SHORTEST_SECRET}, key=len, reverse=True)


def without_secrets(text: str) -> str:
    for secret in _secrets:
        text = text.replace(secret, HIDDEN)
    for pattern, instead in _LOOKS_SECRET:
        text = pattern.sub(instead, text)
    return text


def _cleaned(value: Any) -> Any:
    match value:
        case str():
            return without_secrets(value)
        case bool() | int() | float() | None:
            return value
        case dict():
            return {without_secrets(str(key)): _cleaned(one) for key, one in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_cleaned(one) for one in value]
    return without_secrets(str(value))


def _finish(logger: WrappedLogger, name: str, line: EventDict) -> EventDict:
    """What every line has, whoever wrote it: the version, and the id of the trace that it belongs to."""
    if traceparent := line.pop("traceparent", ""):
        line["trace_id"] = traceparent[3:35]
    line["version"] = VERSION
    cleaned: MutableMapping[str, Any] = _cleaned(line)
    return cleaned


#: What moves a terminal's cursor, turns the direction of text, or begins a line.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def _printable(logger: WrappedLogger, name: str, line: EventDict) -> EventDict:
    """On a terminal, what others wrote stays text. JSON writes it so itself."""

    for key, value in line.items():
        if isinstance(value, str):
            kept = "\n\t" if key in ("exception", "stack") else ""
            line[key] = _CONTROL.sub(partial(_escaped, kept), value)
    return line


def _escaped(kept: str, found: re.Match[str]) -> str:
    return found[0] if found[0] in kept else found[0].encode("unicode_escape").decode()


_shared: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
]


class ToTheRequest(logging.Handler):
    """Django's own line about a refused request becomes the reason in the request's one line."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.contextvars.bind_contextvars(reason=record.getMessage()[:300])


def configured(level: str) -> dict[str, Any]:
    """Django's LOGGING, for lines from this level on."""
    people = [_printable, structlog.dev.ConsoleRenderer()]
    rendered: list[Any] = people if sys.stderr.isatty() else [structlog.processors.JSONRenderer()]
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "drsorch": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processors": [
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    _finish,
                    *rendered,
                ],
                "foreign_pre_chain": _shared,
            }
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "formatter": "drsorch"},
            "to_the_request": {"class": "drsorch.observing.logging.ToTheRequest"},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "botocore": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
            "dramatiq": {"level": "WARNING"},
            "pika": {"level": "WARNING"},
            "django": {"handlers": [], "propagate": True},
            # Without these, a refused request, or one that failed, has two lines.
            "django.request": {"handlers": ["to_the_request"], "propagate": False},
            "django.security": {"handlers": ["to_the_request"], "propagate": False},
            "django.server": {"handlers": [], "propagate": True},
        },
    }


structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        *_shared,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


def catch_all() -> None:
    """For processes that serve or work: warnings, and errors that nobody catches, are lines of the log too."""
    logging.captureWarnings(True)
    log = structlog.get_logger("drsorch.uncaught")

    def uncaught(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
        else:
            log.critical("uncaught", exc_info=(kind, error, trace))

    def uncaught_in_thread(failed: threading.ExceptHookArgs) -> None:
        if failed.exc_value is not None and not issubclass(failed.exc_type, SystemExit):
            name = failed.thread.name if failed.thread else ""
            log.critical("uncaught", thread=name, exc_info=(failed.exc_type, failed.exc_value, failed.exc_traceback))

    sys.excepthook = uncaught
    threading.excepthook = uncaught_in_thread
