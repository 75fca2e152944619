"""`status` columns are written by executions/transitions/, and by nothing else."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator

import pytest

from executions import transitions
from tests.architecture.source import name_of, product_modules, tree

WRITER = "executions/transitions/"
#: They know no execution; their statuses are DRS's jobs' and HTTP's.
STRANGERS = frozenset({"drs", "foundation"})
COLUMNS = frozenset({"status", "cleanup_status"})
#: Queryset methods that write what their keywords name.
WRITING = frozenset({"update", "update_or_create", "get_or_create", "aupdate"})


def writes_of_status(module: ast.Module) -> Iterator[ast.AST]:
    """Assignments to an attribute `.status` of a row, and keywords of queryset methods that write it."""
    for node in ast.walk(module):
        match node:
            case ast.Assign(targets=targets):
                yield from (target for target in targets for target in _flat(target) if _is_status(target))
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target, value=ast.expr()):
                if _is_status(target):
                    yield node
            case ast.Call(func=ast.Attribute(attr=attr), keywords=keywords) if attr in WRITING:
                yield from (keyword for keyword in keywords if keyword.arg in COLUMNS)
            case ast.Call(func=ast.Attribute(attr="bulk_update"), args=args, keywords=keywords):
                named = [*args, *(keyword.value for keyword in keywords)]
                yield from (
                    part for value in named for part in ast.walk(value)
                    if isinstance(part, ast.Constant) and part.value in COLUMNS
                )  # fmt: skip
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value=value), *_]) if value in COLUMNS:
                yield node


def _flat(target: ast.expr) -> list[ast.expr]:
    return list(target.elts) if isinstance(target, (ast.Tuple, ast.List)) else [target]


def _is_status(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and target.attr in COLUMNS


def test_only_transitions_write_a_status() -> None:
    found = [
        f"{name_of(path)}:{write.lineno}"
        for path in product_modules()
        if not name_of(path).startswith(WRITER) and name_of(path).partition("/")[0] not in STRANGERS
        for write in writes_of_status(tree(path))
    ]
    assert not found, "a status is written outside of its one writer"


@pytest.mark.parametrize(
    "code",
    [
        "execution.status = 'running'",
        "a, wave.status = 1, 'failed'",
        "self.cleanup_status: str = 'running'",
        "Execution.objects.filter(pk=1).update(status='failed', outcome='')",
        "rows.bulk_update(changed, ['finished_at', 'status'])",
        "rows.bulk_update(changed, fields=['status'])",
        "setattr(execution, 'status', 'running')",
    ],
)
def test_the_rule_sees_each_way_of_writing(code: str) -> None:
    assert list(writes_of_status(ast.parse(code)))


@pytest.mark.parametrize("code", ["rows.filter(status='failed')", "x = row.status", "self.error = 1", "a.status: str"])
def test_the_rule_lets_reading_be(code: str) -> None:
    assert not list(writes_of_status(ast.parse(code)))


def test_transitions_say_of_each_function_whether_it_locks() -> None:
    """The package's docstring has a list for each promise; the first two are of functions that lock by themselves."""
    lists = (transitions.__doc__ or "").split("\n- ")[1:]
    said = [set(re.findall(r"`(\w+)`", each.partition("They write")[0])) for each in lists]
    functions = {name for name in transitions.__all__ if inspect.isfunction(getattr(transitions, name))} - {"locked"}
    sources = {name: inspect.getsource(getattr(transitions, name)) for name in functions}
    # `_return` locks for those that end an operation.
    locking = {name for name, source in sources.items() if "with locked(" in source or " _return(" in source}

    assert said[0] | said[1] == locking
    assert said[2] | said[3] == functions - locking


def test_the_writer_is_where_it_should_be() -> None:
    assert any(list(writes_of_status(tree(path))) for path in product_modules() if name_of(path).startswith(WRITER))
