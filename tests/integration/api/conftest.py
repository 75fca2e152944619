from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from tests.integration.api.operations import World
from tests.integration.api.views_under_test import Work


@pytest.fixture
def work(settings: object) -> Iterator[type[Work]]:
    """The view under test, which answers `{"made": 1}`, `{"made": 2}`, … until a test gives it another job."""
    settings.ROOT_URLCONF = "tests.integration.api.views_under_test"
    Work.done.clear()
    Work.job = lambda request: {"made": len(Work.done)}
    yield Work
    Work.done.clear()


@pytest.fixture
def world(ada: User) -> World:
    return World(ada)


@pytest.fixture
def client(api: Callable[[User], APIClient], ada: User, world: World) -> APIClient:
    """Of somebody who may do everything, so that no refusal hides another."""
    ada.is_superuser = True
    ada.save()
    return api(ada)
