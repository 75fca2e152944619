"""Plans, pure: the document and its rules, the wave graph, the frozen blueprint, findings. No Django, no database."""

from plans.core.blueprint import Blueprint, BlueprintServer, BlueprintStep, BlueprintWave
from plans.core.findings import Finding, Severity

__all__ = ["Blueprint", "BlueprintServer", "BlueprintStep", "BlueprintWave", "Finding", "Severity"]
