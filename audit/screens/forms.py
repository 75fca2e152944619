"""What the audit trail can be narrowed to."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget

from audit.event_types import EventType
from audit.origin import Via
from audit.screens.lines import VIA_WORDS
from audit.selectors import Narrowed
from audit.subjects import KINDS
from foundation.forms import MomentField, text


def _kinds() -> list[tuple[str, str]]:
    return [("", "Anything"), *((type, kind.noun.capitalize()) for type, kind in KINDS.items())]


def _types() -> list[tuple[str, Any]]:
    """By kind, each with all of its kind first."""
    kinds = dict.fromkeys(type.value.partition(".")[0] for type in EventType)
    groups: list[tuple[str, Any]] = [("", "Everything")]
    for kind in kinds:
        words = kind.replace("_", " ")
        own = [type.value for type in EventType if type.value.startswith(f"{kind}.")]
        choices = [(f"{kind}.*", f"{words}: everything")]
        choices += [(type, f"{words}: {type.partition('.')[2].replace('_', ' ')}") for type in own]
        groups.append((words.capitalize(), choices))
    return groups


def _doors() -> list[tuple[str, str]]:
    return [("", "Any way"), *((via.value, VIA_WORDS[via.value].capitalize()) for via in Via)]


class TrailForm(forms.Form):
    """Nothing entered is everything."""

    subject_type = forms.ChoiceField(label="About", required=False, choices=_kinds, widget=UnfoldAdminSelectWidget)
    subject = text("Name or id", max_length=300, attrs={"autocomplete": "off"})
    actor = text("Person", max_length=150, attrs={"autocomplete": "off"})
    type = forms.ChoiceField(label="What happened", required=False, choices=_types, widget=UnfoldAdminSelectWidget)
    via = forms.ChoiceField(label="How", required=False, choices=_doors, widget=UnfoldAdminSelectWidget)
    after = MomentField(label="From (UTC)", required=False)
    before = MomentField(label="Until (UTC)", required=False)

    def narrowed(self) -> Narrowed:
        """What is asked for; what was entered wrongly is left out, and said at its field."""
        self.full_clean()
        asked = {name: value for name, value in self.cleaned_data.items() if value}
        for name in ("after", "before"):
            if name in asked:
                asked[name] = asked[name].replace(tzinfo=UTC)
        return Narrowed(**asked)
