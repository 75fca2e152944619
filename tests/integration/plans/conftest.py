from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from plans.models import Plan
from tests.factories.plans import make_web_shop


@pytest.fixture
def plan(petra: User, ravi: User) -> Plan:
    """Petra's web shop."""
    return make_web_shop(petra)
