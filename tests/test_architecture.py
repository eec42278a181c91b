"""The layering of the house, read from the source with `ast`: imports anywhere in a file count, type hints' too."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import gpufleet

PACKAGE = Path(gpufleet.__file__).parent
LEVELS = {
    "errors": 0,
    "interruption": 0,
    "units": 0,
    "schema": 1,
    "library": 2,
    "performance": 2,
    "calibration": 3,
    "candidates": 3,
    "scenarios": 3,
    "edits": 3,
    "problem": 4,
    "optimize": 5,
    "verification": 5,
    "assembly": 6,
    "confirming": 6,
    "estimating": 6,
    "exporting": 6,
    "solving": 6,
    "stressing": 6,
    "explain": 7,
    "whatif": 7,
    "exchange": 8,
    "report": 8,
    "cli": 9,
}
SAME_LEVEL_ALLOWED = {("solving", "assembly")}
"""Two files of one room that happen to stand at the top of the package."""
PUBLIC_FACE = {"__init__", "__main__"}
"""The package itself imports from everywhere, on first use."""
VERIFICATION_MAY_IMPORT = {"errors", "units", "schema", "performance"}
SOLVERS = {"ortools", "pulp", "highspy"}
REDIRECTS = {"optimize/backends/highs_child.py"}
"""Opens the null device for what HiGHS prints."""
MOST_LINES = 400
HEAVY = {
    "jinja2",
    "matplotlib",
    "numba",
    "numpy",
    "ortools",
    "packaging",
    "pandas",
    "pulp",
    "pydantic",
    "rich",
    "scipy",
    "yaml",
}
"""Packages that take time to import: `import gpufleet` and `gpufleet --help` do without them."""
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "bundled" not in path.parts)
FILE_METHODS = {"read_text", "read_bytes", "write_text", "write_bytes", "open", "unlink", "mkdir", "touch"}


@dataclass(frozen=True)
class Import:
    """One imported module, by its full dotted name."""

    module: str
    line: int

    @property
    def room(self) -> str:
        """First part below `gpufleet`; empty for the package itself."""
        return self.module.split(".")[1] if "." in self.module else ""


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room_of(path: Path) -> str:
    """The folder below the package, or the name of the file."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@dataclass(frozen=True)
class Source:
    """What a file says, in one pass; trees of all files together would slow down every later garbage collection."""

    lines: int
    docstring: str | None
    imports: tuple[Import, ...]
    names: tuple[tuple[str, int], ...]
    """Names and chains of attributes, such as `sys.stdout`, with their lines."""
    attributes: tuple[tuple[str, int], ...]
    """The last part of every attribute, with its line."""
    called: tuple[tuple[str, int], ...]
    """The name, or the last part of the attribute with a dot before it, that is called, with its line."""


@cache
def read(path: Path) -> Source:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    nodes = [(node, getattr(node, "lineno", 0)) for node in ast.walk(tree)]
    dotted = [(node, line) for node, line in nodes if isinstance(node, ast.Name | ast.Attribute)]
    return Source(
        lines=len(text.splitlines()),
        docstring=ast.get_docstring(tree),
        imports=tuple(found for node, _ in nodes for found in _imports_of(node, path)),
        names=tuple((ast.unparse(node), line) for node, line in dotted if _is_chain(node)),
        attributes=tuple((node.attr, line) for node, line in dotted if isinstance(node, ast.Attribute)),
        called=tuple(
            (func.id if isinstance(func, ast.Name) else f".{func.attr}", line)
            for node, line in nodes
            if isinstance(node, ast.Call) and isinstance(func := node.func, ast.Name | ast.Attribute)
        ),
    )


def _is_chain(node: ast.expr) -> bool:
    """Names and attributes of names: other expressions are never written like one."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name)


def _imports_of(statement: ast.AST, path: Path) -> list[Import]:
    if isinstance(statement, ast.Import):
        return [Import(alias.name, statement.lineno) for alias in statement.names]
    if isinstance(statement, ast.ImportFrom):
        assert statement.level == 0, f"{name_of(path)}:{statement.lineno}: relative import"
        assert statement.module is not None
        return [_imported(statement.module, alias.name, statement.lineno) for alias in statement.names]
    return []


def _imported(module: str, name: str, line: int) -> Import:
    """`from gpufleet import units` and `from gpufleet.candidates import filters` import modules."""
    inner = (PACKAGE.parent / module.replace(".", "/") / name).with_suffix("")
    is_module = module.startswith("gpufleet") and (inner.is_dir() or inner.with_suffix(".py").is_file())
    return Import(f"{module}.{name}" if is_module else module, line)


def own_imports(path: Path) -> list[Import]:
    return [found for found in read(path).imports if found.module.split(".")[0] == "gpufleet"]


def outside_imports(path: Path) -> set[str]:
    return {found.module.split(".")[0] for found in read(path).imports} - {"gpufleet"}


def test_every_room_has_a_number() -> None:
    assert {room_of(path) for path in MODULES} - PUBLIC_FACE <= set(LEVELS)


def test_a_room_imports_only_rooms_with_lower_numbers() -> None:
    assert not [wrong for path in MODULES if room_of(path) not in PUBLIC_FACE for wrong in _upward_imports(path)]


def _upward_imports(path: Path) -> list[str]:
    room = room_of(path)
    return [
        f"{name_of(path)}:{found.line}: {room} ({LEVELS[room]}) imports {found.room} ({LEVELS[found.room]})"
        for found in own_imports(path)
        if found.room and found.room != room and (room, found.room) not in SAME_LEVEL_ALLOWED
        if LEVELS[found.room] >= LEVELS[room]
    ]


def test_verification_shares_only_schema_and_performance_with_the_optimiser() -> None:
    rooms = {found.room for path in MODULES if room_of(path) == "verification" for found in own_imports(path)}
    assert rooms <= VERIFICATION_MAY_IMPORT | {"verification"}


def test_verification_does_not_load_the_optimiser() -> None:
    """Not even through something that it imports."""
    _run(
        "import sys, gpufleet.verification\n"
        "rooms = {name.split('.')[1] for name in sys.modules if name.startswith('gpufleet.')}\n"
        f"assert rooms <= {VERIFICATION_MAY_IMPORT | {'verification'}!r}, rooms\n"
        f"assert not {SOLVERS!r} & set(sys.modules)\n"
    )


def test_only_back_ends_import_solvers() -> None:
    users = {name_of(path) for path in MODULES if outside_imports(path) & SOLVERS}
    assert users
    assert all(name.startswith("optimize/backends/") for name in users), users


def test_the_formulation_knows_no_back_end() -> None:
    for path in (path for path in MODULES if "formulation" in path.parts):
        rooms = {".".join(found.module.split(".")[1:3]) for found in own_imports(path)}
        assert {room for room in rooms if room.startswith("optimize")} <= {"optimize.formulation"}, name_of(path)
        assert not outside_imports(path) - set(sys.stdlib_module_names), name_of(path)


def test_only_library_and_cli_touch_files() -> None:
    others = [path for path in MODULES if room_of(path) not in ("library", "cli") and name_of(path) not in REDIRECTS]
    touching = {"open", *(f".{method}" for method in FILE_METHODS)}
    assert not [place for path in others for place in _places(path, read(path).called, touching)]


def test_only_cli_prints() -> None:
    others = [path for path in MODULES if room_of(path) != "cli"]
    names = {"print", "pprint", "input", "sys.stdout", "sys.stderr", "click.echo"}
    assert not [place for path in others for place in _places(path, read(path).names, names)]


def test_library_code_sets_up_no_logging() -> None:
    """Who runs a program decides where its log goes; of this package that is the command line alone."""
    others = [path for path in MODULES if room_of(path) != "cli"]
    setup = {"basicConfig", "addHandler", "StreamHandler", "FileHandler", "dictConfig", "setLevel"}
    assert not [place for path in others for place in _places(path, read(path).attributes, setup)]


def _places(path: Path, said: tuple[tuple[str, int], ...], wrong: set[str]) -> list[str]:
    """`file:line` of everything that is wrong."""
    return [f"{name_of(path)}:{line}" for what, line in said if what in wrong]


def test_modules_are_short_and_say_what_they_are() -> None:
    lines = {name_of(path): read(path).lines for path in MODULES}
    assert not {name: count for name, count in lines.items() if count > MOST_LINES}
    assert not [name_of(path) for path in MODULES if not read(path).docstring]


def test_importing_the_package_is_cheap() -> None:
    _run(f"import sys, gpufleet\nloaded = {HEAVY | {'click'}!r} & set(sys.modules)\nassert not loaded, loaded")


def test_help_is_cheap() -> None:
    """It reads every command's file; what they work with is imported when they run."""
    _run(
        "import sys\n"
        "from gpufleet.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        f"loaded = {HEAVY!r} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )


def test_solving_does_not_load_pandas_or_the_other_back_ends() -> None:
    _run(
        "import sys, gpufleet.solving\n"
        "loaded = {'pandas', 'ortools', 'pulp', 'rich'} & set(sys.modules)\n"
        "assert not loaded"
    )


def test_children_load_only_their_own_solver() -> None:
    """HiGHS is started often; CP-SAT and what it brings along would take it another third of a second each time."""
    _run(
        "import sys, gpufleet.optimize.backends.highs_child\n"
        "loaded = {'pandas', 'pulp', 'scipy', 'numba', 'ortools.sat.python.cp_model'} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )


def test_importing_changes_no_logger() -> None:
    code = (
        "import logging, pkgutil, importlib, gpufleet\n"
        "for module in pkgutil.walk_packages(gpufleet.__path__, 'gpufleet.'):\n"
        "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
        "ours = [l for n, l in logging.Logger.manager.loggerDict.items() if n.startswith('gpufleet')]\n"
        "assert not logging.getLogger().handlers\n"
        "assert not [l for l in ours if getattr(l, 'handlers', None)]\n"
    )
    _run(code)


def _run(code: str) -> None:
    """In a process of its own, so that nothing is loaded yet."""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
