"""What the parallel test processes of one run share: the first that asks makes it, the others wait for it."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.source import ROOT

Json = dict[str, Any]


def once_a_run(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Json]) -> Json:
    """What `make` says of what it made in the directory that it is given."""
    own = factory.getbasetemp()
    # Under xdist each process has a directory in that of the run.
    run = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    made = run / f"{name}.json"
    with (run / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            directory = run / name
            directory.mkdir()
            made.write_text(json.dumps(make(directory)))
    found: Json = json.loads(made.read_text())
    return found


def database_fill(environment: Mapping[str, str], people: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Migrate the database of `environment` from nothing, make people with these roles, and issue a token to each.

    All in one new process: each takes a second to start.
    """
    command = [sys.executable, "-c", _FILL, json.dumps(people)]
    ran = subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    tokens: dict[str, str] = json.loads(ran.stdout)
    return tokens


_FILL = """
import json, os, sys

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "drsorch.settings"
django.setup()

from django.core.management import call_command

from access.services import token_issue
from tests.factories.people import make_user

call_command("migrate", verbosity=0)
people = json.loads(sys.argv[1])
print(json.dumps({name: token_issue(user=make_user(name, *roles), by=None)[1] for name, roles in people.items()}))
"""
