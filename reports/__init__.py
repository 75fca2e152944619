"""Evidence: what happened, measured against what was planned and promised, sealed for an auditor."""
