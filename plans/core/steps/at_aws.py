"""What every step has to be told that AWS carries out, and those of Systems Manager besides."""

from __future__ import annotations

from plans.core.steps.parameters import Text, TextsByName, Whole

MAX_RETRIES = 10
MAX_SITE_NAME = 100

SITE = Text(
    name="site",
    label="Site",
    help="Empty: the one where the wave's servers are.",
    limit=MAX_SITE_NAME,
    trimmed=True,
)
RETRIES = Whole(name="retries", label="Tries after a failure", low=0, high=MAX_RETRIES, default=0)

SSM_DOCUMENT = (
    Text(name="document_name", label="SSM document", required=True, limit=256),
    Text(name="document_version", label="Document version", limit=64),
    TextsByName(
        name="parameters", label="Parameters", help='Lists of texts by name, such as {"Commands": ["uptime"]}.'
    ),
)
