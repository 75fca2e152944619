"""Sites, protection groups and plans as documents that are kept in files: what they are (`documents`), what applying
them changes (`changes`), and how editors are told (`schema`). Names stand in place of ids, and no secret is in them.
"""

from plans.core.bundle.changes import Action, Change, Existing, Kept, Outcome, changes_of, fingerprint
from plans.core.bundle.documents import Kind, exported
from plans.core.bundle.schema import document_schema

__all__ = [
    "Action", "Change", "Existing", "Kept", "Kind", "Outcome", "changes_of", "document_schema", "exported",
    "fingerprint",
]  # fmt: skip
