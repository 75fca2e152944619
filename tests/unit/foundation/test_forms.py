"""Errors of a service at the fields of a form."""

from __future__ import annotations

from django import forms

from foundation.errors import FieldError, Invalid
from foundation.forms import DomainErrorsMixin, lines


class Start(DomainErrorsMixin, forms.Form):
    moment = forms.CharField(required=False)


def shown(*errors: FieldError) -> dict[str, list[str]]:
    form = Start({"moment": ""})
    form.add_domain_error(Invalid.of(errors))
    return {field: [str(error) for error in messages] for field, messages in form.errors.items()}


def test_of_many_errors_of_one_kind_the_first_are_shown_and_how_many_more_there_are() -> None:
    many = [FieldError("moment", f"web-{number} has no snapshot.", "no_snapshot") for number in range(24)]
    said = shown(*many)["moment"]
    assert said[:5] == [f"web-{number} has no snapshot." for number in range(5)]
    assert said[5:] == ["The same applies to 19 more."]


def test_a_few_of_one_kind_and_whatever_has_no_kind_are_all_shown() -> None:
    few = [FieldError("moment", f"web-{number} has no snapshot.", "no_snapshot") for number in range(5)]
    others = [FieldError(f"waves.{number}", f"Wave {number} is empty.") for number in range(9)]
    said = shown(*few, *others)
    assert said["moment"] == [error.detail for error in few]
    assert said["__all__"] == [error.detail for error in others]


def test_a_text_of_several_lines_has_the_line_ends_that_it_had_before_a_browser_sent_it() -> None:
    assert lines("Contacts").clean("Dana\r\n\r\n+49 30 1234\r\n") == "Dana\n\n+49 30 1234"
