"""The columns that say what a run is for. A plan has them, and each of its executions a copy of its own."""

from __future__ import annotations

from django.db import models

from plans.core.fields import MAX_LINK
from plans.core.purpose import MAX_OWNER, Scenario

SCENARIOS = [
    (Scenario.REGION_LOSS.value, "loss of a Region"),
    (Scenario.ZONE_LOSS.value, "loss of an Availability Zone"),
    (Scenario.DATA_CENTRE_LOSS.value, "loss of a data centre"),
    (Scenario.RANSOMWARE.value, "ransomware"),
    (Scenario.DATA_CORRUPTION.value, "data corruption"),
    (Scenario.SUPPLIER_FAILURE.value, "failure of a supplier"),
    (Scenario.OTHER.value, "other"),
]


class Purpose(models.Model):
    """Has the fields of `core.purpose.PurposeDocument` as columns: `NAMES`, and no others."""

    mtpd_seconds = models.PositiveIntegerField("MTPD (seconds)", null=True, blank=True)
    business_owner = models.CharField(max_length=MAX_OWNER, blank=True)
    business_functions: models.JSONField[list[str], list[str]] = models.JSONField(default=list, blank=True)
    scenario_type = models.CharField(max_length=32, choices=SCENARIOS, blank=True)
    scenario = models.TextField(blank=True)
    objectives = models.TextField(blank=True)
    assumptions = models.TextField(blank=True)
    expected_outcome = models.TextField(blank=True)
    risk_reference = models.CharField(max_length=MAX_LINK, blank=True)
    exclusions = models.TextField(blank=True)
    not_tested = models.TextField(blank=True)

    class Meta:
        abstract = True
