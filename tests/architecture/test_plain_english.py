"""What people read is plain English: the words that the glossary of CONTRIBUTING.md rules out are used nowhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT, name_of, product_modules, tracked_files, tree

#: A pattern, and what to write instead. Only what is wrong wherever it stands: this is a list of words, not of style.
DIALECT = {
    r"mend(s|ed|ing)?": "fix",
    r"let(s|ting)? go": "skip, or release",
    r"(go(es)?|went) on": "continue",
    r"com(e|es|ing) of it": "result",
    r"told|said": "says, reports, shows",
    r"(some|any)body": "someone, or better the role",
    r"ha(s|d|ve) a word|had had a word": "approve or reject",
    r"says? go": "approve",
    r"(?<!break-)glass": "break-glass, as a noun",
    r"(to|than) who(?! may\b)": "the person who",
    r"(?<!there )is no (?!longer\b|more than\b)\w+": "is not a",
    r"(is|are) the most": "at most, the maximum is",
    r"stands? (above|below|there|at|as it|in the way)": "is shown, blocks",
    r"the present (one|plan|version|revision|state)": "the current one",
    r"in spite of": "despite",
    r"(in|keeps|of) the record|the record (keeps|says|knows|asks)": "the audit trail",
    r"ma(k(e|es|ing)|de) (a|an|the first) (protection )?(group|plan|site|token|user|administrator)": "create",
    r"tr(y|ies|ied) again by (it|them)sel(f|ves)": "retry automatically",
}
_DIALECT = re.compile("|".join(rf"\b(?:{pattern})\b" for pattern in DIALECT), re.IGNORECASE)

#: Their docstrings become descriptions in the OpenAPI document.
_API = re.compile(r"(^|/)api(/|\.py$)|^foundation/rest/|^drsorch/api\.py$")
#: Others speak there: AWS, whom the simulator imitates, and the authors of what is vendored.
_OTHERS = ("drs/simulator/", "static/vendor/")

_CODE = re.compile(r"```.*?```|`[^`]*`|\]\([^)]*\)|<style>.*?</style>|class=\"[^\"]*\"", re.DOTALL)
#: The glossary names the words that it rules out.
_GLOSSARY = re.compile(r"^\| use \| not \|\n(\|.*\n)+", re.MULTILINE)
_NOT_SHOWN = re.compile(r"{#.*?#}|<(script|style)\b.*?</\1>|<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"{%.*?%}|{{.*?}}|<[^>]*>", re.DOTALL)
#: Of a tag, a person reads its quoted texts, but no names of classes, files and scripts.
_QUOTED = re.compile(r"(?<!class=)(?<!x-)\"([^\"{}/]* [^\"{}/]*)\"")
_STRING = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'|`([^`]*)`")


def dialect(text: str) -> list[str]:
    return [match[0] for match in _DIALECT.finditer(text)]


def of_python(module: ast.Module, *, is_api: bool) -> Iterator[tuple[int, str]]:
    """String literals with their lines; docstrings only where they become descriptions of the API."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(module)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        if node.body and isinstance(node.body[0], ast.Expr)
        if not is_api or isinstance(node, ast.Module)
    }
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value


def of_document(text: str) -> str:
    return _CODE.sub(_lines_of, _GLOSSARY.sub(_lines_of, text))


def of_template(text: str) -> str:
    return _TAG.sub(lambda tag: " ".join(_QUOTED.findall(tag[0])) + _lines_of(tag), _NOT_SHOWN.sub(_lines_of, text))


def of_script(text: str) -> str:
    without_comments = re.sub(r"(?<![:\w])//.*|/\*.*?\*/", "", text)
    return "\n".join(
        " ".join("".join(found) for found in _STRING.findall(line)) for line in without_comments.splitlines()
    )


def _lines_of(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")


_READERS: dict[str, Callable[[str], str]] = {
    ".md": of_document, ".svg": of_document, ".html": of_template, ".js": of_script
}  # fmt: skip


def texts() -> Iterator[tuple[str, str]]:
    """Where it is, and what it says: everything in the repository that is written for people to read."""
    for path in product_modules():
        for line, text in of_python(tree(path), is_api=bool(_API.search(name_of(path)))):
            yield f"{name_of(path)}:{line}", text
    for path in tracked_files():
        if reader := _reader(path):
            for number, line in enumerate(reader(path.read_text()).splitlines(), 1):
                yield f"{name_of(path)}:{number}", line


def _reader(path: Path) -> Callable[[str], str] | None:
    if path.name in {"Makefile", ".env.example"}:
        return of_document
    return None if path.is_relative_to(ROOT / "tests") else _READERS.get(path.suffix)


def test_what_people_read_is_plain_english() -> None:
    found = [
        f"{place}: {', '.join(words)}: {text.strip()[:100]}"
        for place, text in texts()
        if not place.startswith(_OTHERS) and (words := dialect(text))
    ]
    assert not found, "say it as the glossary in CONTRIBUTING.md does"


@pytest.mark.parametrize(
    "text",
    [
        "Mend the cause, then retry.",
        "What is not launched yet is let go.",
        "The RTO clock goes on.",
        "An instance that comes of it late.",
        "What DRS said.",
        "Needs somebody",
        "Nobody has had a word yet.",
        "It waits for somebody to say go.",
        "THE GLASS WAS BROKEN",
        "Break the glass",
        "Shown to who approves.",
        "“two hours” is no duration.",
        "200 are the most.",
        "Stands in the way",
        "the present one",
        "Kept in the record.",
        "Make a protection group",
        "It tries again by itself.",
    ],
)
def test_the_rule_sees_the_words_that_were_there(text: str) -> None:
    assert dialect(text)


@pytest.mark.parametrize(
    "text",
    [
        "Break-glass was used.",
        "There is no site “Atlantis”.",
        "It is no longer listed.",
        "the table of who may do what",
        "The recommended amendment",
        "This makes a difference.",
        "The execution is recorded in the audit trail.",
    ],
)
def test_the_rule_lets_plain_words_be(text: str) -> None:
    assert not dialect(text)


def test_the_rule_reads_what_people_read_and_nothing_else() -> None:
    assert dialect(
        of_template('<p title="Needs somebody" class="a said b">{% include "x.html" with help="To mend." %}')
    )
    assert not dialect(of_template('<p class="is-glass said">{# said #}{% url "said" %}{{ said }}'))
    assert not dialect(of_document("Run `mend`.\n\n| use | not |\n|---|---|\n| fix | mend |\n"))
    assert dialect(of_script('say("It goes on."); // goes on'))
    assert not dialect(of_script("const said = 1; // somebody"))
    module = ast.parse('"""said"""\ndef f():\n    """said"""\n    return f"mend {said}"')
    assert [dialect(text) for _, text in of_python(module, is_api=False)] == [["mend"]]
    assert [dialect(text) for _, text in of_python(module, is_api=True)] == [["said"], ["mend"]]
