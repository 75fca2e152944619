"""Prints what the rooms beside it have made, by typst: no rows, no requests. See ADR 0045."""

from reports.printing.pdf import pdf_of_register, pdf_of_report, pdf_of_runbook, sha256_in

__all__ = ["pdf_of_register", "pdf_of_report", "pdf_of_runbook", "sha256_in"]
