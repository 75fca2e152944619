"""What every step has to be told that AWS carries out, and those of Systems Manager besides."""

from __future__ import annotations

from plans.core.steps.parameters import Text, TextsByName, Whole

MAX_RETRIES = 10
MAX_SITE_NAME = 100

SITE = Text(
    name="site",
    label="Site",
    help="Leave empty to use the site of the wave's servers.",
    limit=MAX_SITE_NAME,
    trimmed=True,
)
RETRIES = Whole(name="retries", label="Retries after a failure", low=0, high=MAX_RETRIES, default=0)

SSM_DOCUMENT = (
    Text(name="document_name", label="SSM document", required=True, limit=256),
    Text(name="document_version", label="Document version", limit=64),
    TextsByName(
        name="parameters", label="Parameters", help='Lists of values by name, for example {"Commands": ["uptime"]}.'
    ),
)
