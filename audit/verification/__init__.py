"""Verifying the audit trail, and rows against it."""

from audit.verification.report import Fault, Verification
from audit.verification.verifying import faults, is_known, verify, warnings

__all__ = ["Fault", "Verification", "faults", "is_known", "verify", "warnings"]
