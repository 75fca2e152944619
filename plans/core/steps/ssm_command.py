"""An SSM command runs on the wave's recovery instances."""

from __future__ import annotations

from plans.core.steps.at_aws import RETRIES, SITE, SSM_DOCUMENT
from plans.core.steps.kind import Kind
from plans.core.steps.parameters import Texts

#: On so many instances one step runs: the ids of its commands, 50 instances each (docs/drs.md 12.2), fit into its row.
MOST_INSTANCES = 300

_INSTANCE_IDS = Texts(
    name="instance_ids",
    label="Instances",
    help="Leave empty to use the instances that the wave has launched.",
    like='["i-0123456789abcdef0"]',
)

KIND = Kind(
    "SSM Run Command",
    (*SSM_DOCUMENT, _INSTANCE_IDS, SITE, RETRIES),
    about=lambda stored: str(stored.get("document_name", "")),
)
