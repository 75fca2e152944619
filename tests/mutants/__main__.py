"""Does a small change to the pure code make a unit test fail? `make mutants` changes it in every way that mutmut knows.

At least `ENOUGH` percent of the changes must be noticed. Each one that is not stands in survivors.toml, with the reason
why it does not matter. Exit 0 only if both hold. Takes minutes: mutmut keeps what it found in ./mutants, and tries
again only what changed.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from difflib import ndiff
from pathlib import Path
from typing import NamedTuple

import libcst
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import read_mutant_function, read_original_function
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

ENOUGH = 95
NOTICED = {"killed", "timeout", "suspicious", "segfault", "caught by type check"}
LIST = Path(__file__).with_name("survivors.toml")


class Mutant(NamedTuple):
    """A change by what it does: its number changes whenever its function does."""

    #: module.function or module.Class.function
    where: str
    #: Source lines, without indentation.
    before: str
    after: str


def main() -> int:
    jobs = sys.argv[1:] or ["2"]
    subprocess.run([sys.executable, "-m", "mutmut", "run", "--max-children", jobs[0]], check=False)
    known = {Mutant(entry["where"], entry["before"], entry["after"]) for entry in read_list()}
    survivors: set[Mutant] = set()
    tried: Counter[str] = Counter()
    unnoticed: Counter[str] = Counter()
    for path in walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        module = str(path.with_suffix("")).replace("/", ".")
        mutants = {key: status_by_exit_code[code] for key, code in data.exit_code_by_key.items()}
        tried[module] = len(mutants)
        alive = [key for key, status in mutants.items() if status not in NOTICED]
        unnoticed[module] = len(alive)
        survivors |= set(what_they_do(path, module, alive))
    report(tried, unnoticed)
    for mutant in sorted(survivors - known):
        print(f"\nNot noticed, and not in {LIST.name}: {mutant.where}\n  - {mutant.before}\n  + {mutant.after}")
    for mutant in sorted(known - survivors):
        print(f"\nIn {LIST.name}, but noticed, or gone: {mutant.where}\n  - {mutant.before}\n  + {mutant.after}")
    noticed = 100 * (1 - unnoticed.total() / max(1, tried.total()))
    print(f"\n{tried.total()} changes, {noticed:.1f} % noticed; {len(survivors - known)} to be explained or tested")
    return 0 if noticed >= ENOUGH and survivors == known else 1


def read_list() -> list[dict[str, str]]:
    return tomllib.loads(LIST.read_text()).get("survivor", []) if LIST.exists() else []


def what_they_do(path: Path, module: str, keys: list[str]) -> Iterator[Mutant]:
    if not keys:
        return
    mutated = libcst.parse_module((Path("mutants") / path).read_text())
    for key in keys:
        function, class_name = orig_function_and_class_names_from_key(key)
        before, after = (
            libcst.Module([node]).code.splitlines()
            for node in (read_original_function(mutated, key), read_mutant_function(mutated, key))
        )
        lines = [line for line in ndiff(before, after) if line[0] in "+-"]
        yield Mutant(
            ".".join(part for part in (module, class_name, function.rpartition(".")[2]) if part),
            *(" ".join(line[2:].strip() for line in lines if line[0] == sign) for sign in "-+"),
        )


def report(tried: Counter[str], unnoticed: Counter[str]) -> None:
    print(f"\n{'module':40} {'changes':>8} {'unnoticed':>10}")
    for module, number in sorted(tried.items()):
        if number:
            print(f"{module:40} {number:8} {unnoticed[module]:10}")


if __name__ == "__main__":
    sys.exit(main())
