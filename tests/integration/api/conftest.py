from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.api.views_under_test import Work


@pytest.fixture
def work(settings: object) -> Iterator[type[Work]]:
    """The view under test, which answers `{"made": 1}`, `{"made": 2}`, … until a test gives it another job."""
    settings.ROOT_URLCONF = "tests.integration.api.views_under_test"  # type: ignore[attr-defined]
    Work.done.clear()
    Work.job = lambda request: {"made": len(Work.done)}
    yield Work
    Work.done.clear()
