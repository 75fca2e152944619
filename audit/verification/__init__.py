"""Verifying the audit trail, and rows against it."""

from audit.verification.report import Fault, Verification
from audit.verification.verifying import is_known, verify

__all__ = ["Fault", "Verification", "is_known", "verify"]
