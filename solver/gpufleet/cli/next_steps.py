"""What to do next where a command ends without its answer: one place for all exits, printed to standard error.

Messages say what is wrong; this says which command helps. Standard output stays what it is, so `--json` stays JSON.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gpufleet.errors import (
    ClusterError,
    InputError,
    Int64OverflowError,
    MissingBackendError,
    MissingExtraError,
    VerificationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gpufleet.errors import InputProblem

CARRIED = {
    "sets": "--set",
    "scales": "--scale",
    "performance": "--performance",
    "performance_source": "--performance-source",
    "libraries": "--library",
}
"""Options that belong to the question: parameter and flag. A next command about the same question repeats them."""
BUG = (
    "This is a bug in gpufleet. Next: gpufleet doctor says whether the installation is fit; if it is, please report "
    "this text with the command and its files."
)
DOCTOR = "gpufleet doctor"


@dataclass(frozen=True)
class NextStep:
    """What helps, in words, and the commands that do it."""

    words: str
    commands: tuple[str, ...] = ()

    def __str__(self) -> str:
        # commands stand alone and whole, so that they can be copied
        said = click.wrap_text(f"Next: {self.words}{':' * bool(self.commands)}", 80, "", "      ")
        return "\n".join([said, *(f"  {command}" for command in self.commands)])


@dataclass(frozen=True)
class Call:
    """The command that was called, with its parameters as far as they could be read."""

    name: str
    params: dict[str, Any]
    typed: tuple[str, ...] = ()
    """Its arguments, as they were typed."""

    @classmethod
    def read(cls, name: str, command: click.Command, arguments: list[str]) -> Call:
        """Parse again what was typed; nothing is run, prompted or refused."""
        context = command.make_context(name, list(arguments), resilient_parsing=True)
        params = dict(context.params)
        if isinstance(command, click.Group):
            for place, word in enumerate(arguments):
                inner = command.get_command(context, word)
                if inner is not None:
                    return cls(name, Call.read(word, inner, arguments[place + 1 :]).params, tuple(arguments))
        return cls(name, params, tuple(arguments))

    @property
    def file(self) -> str | None:
        """The instance, as it can be typed again."""
        given = self.params.get("file") or self.params.get("instance")
        return None if given is None else _typed(str(given))

    def like_this(self, command: str, *more: str) -> str:
        """Another command about the same question."""
        words = ["gpufleet", command, self.file or "FILE", *more]
        for parameter, flag in CARRIED.items():
            value = self.params.get(parameter)
            values = value if isinstance(value, tuple) else () if value is None else (value,)
            if command == "whatif" and parameter.startswith("performance"):  # there they are fields to be set
                flag, values = "--set", tuple(f"{parameter}={each}" for each in values)
            words += [word for each in values for word in (flag, str(each))]
        return shlex.join([*words, *self._as_typed("--overlay")])

    def _as_typed(self, flag: str) -> list[str]:
        """An option that is no parameter of the command, with its value; nothing where it was not typed."""
        for word, value in pairwise((*self.typed, "")):
            if word == flag:
                return [flag, value]
            if word.startswith(f"{flag}="):
                return [flag, word.partition("=")[2]]
        return []

    def again(self, **changed: str) -> str:
        """The same command with some options changed, and everything else as it was typed."""
        flags = {f"--{name.replace('_', '-')}": value for name, value in changed.items()}
        kept: list[str] = []
        for before, word in pairwise(("", *self.typed)):
            if word.partition("=")[0] not in flags and before not in flags:
                kept.append(word)
        new = [word for flag, value in flags.items() for word in (flag, value)]
        return shlex.join(["gpufleet", self.name, *kept, *new])


def _typed(path: str) -> str:
    """A bundled instance by its name, as the user gave it."""
    if not Path(path).is_absolute():
        return path
    from gpufleet.library.bundled_instances import bundled_instances

    return next((name for name, bundled in bundled_instances().items() if str(bundled) == path), path)


def after_exit(code: int, call: Call) -> NextStep | None:
    """What to do after an exit code that is a result: infeasible, no plan in the time, a broken rule."""
    step = _AFTER_EXIT.get(code)
    return None if step is None else step(call)


def _infeasible(call: Call) -> NextStep:
    if call.name == "estimate":
        return NextStep(
            "what does not run is listed above with its reason; take another accelerator or more of them a node, or "
            "looser bounds. Accelerators by memory and speed",
            ("gpufleet catalog list accelerators",),
        )
    if call.name == "explain":
        return NextStep(
            "change one of the requirements listed above, in the file, or first with --set; this shows the cost of "
            "several values at once",
            (call.like_this("whatif", "--set", "PATH=VALUE,VALUE"),),
        )
    leave_out = (
        " (--accelerator, which was given, is no part of the question there)" if call.params.get("accelerators") else ""
    )
    return NextStep(
        "no plan keeps all requirements; say which of them cannot hold together, and what would help" + leave_out,
        (call.like_this("explain"),),
    )


def _no_plan(call: Call) -> NextStep:
    limit = call.params.get("time_limit")
    if limit is None:
        return NextStep(
            "there is no plan that this could work on; solve with more time",
            (call.like_this("solve", "--time-limit", "600"),),
        )
    seconds = f"{max(float(limit) * 10, 60):g}"
    if call.name != "solve":
        return NextStep("the time limit was too short for an answer; give more", (call.again(time_limit=seconds),))
    words = "the time limit was too short for an answer; give more, and accept a plan within 1 %"
    return NextStep(words, (call.again(time_limit=seconds, gap="0.01"),))


def _broken(call: Call) -> NextStep:
    plan = call.params.get("plan")
    return NextStep(
        "the rules named above are broken. A plan of a question that was edited on the command line is checked with "
        "the same --set, --scale, --performance and --library; mend the plan, or find one that keeps every rule",
        (call.like_this("solve", "--out", f"new-{Path(plan).name}" if plan else "plan.yaml"),),
    )


def _unfit(call: Call) -> NextStep:
    return NextStep("do what stands beside each failure, then check again", (DOCTOR,))


_AFTER_EXIT: dict[int, Callable[[Call], NextStep]] = {3: _infeasible, 4: _no_plan, 5: _broken, 6: _unfit}


def after_error(error: Exception, call: Call) -> NextStep:
    """What to do after an error that gpufleet raised on purpose, or after a package that cannot be imported."""
    if isinstance(error, InputError):
        return next(_after_input(error, call))
    return next(step for kind, step in _AFTER_ERROR if isinstance(error, kind))


_AFTER_ERROR: tuple[tuple[type[Exception], NextStep], ...] = (
    (MissingBackendError, NextStep("take the default solver (leave out --backend), and see what is amiss", (DOCTOR,))),
    (MissingExtraError, NextStep("install what the message names; this lists all extras", (DOCTOR,))),
    (ClusterError, NextStep("mend the cluster, or leave out --dask: the same answer is found on this machine")),
    (
        Int64OverflowError,
        NextStep(
            "a figure of the file is out of all proportion; look at the largest rates, prices, stocks and horizon"
        ),
    ),
    (
        VerificationError,
        NextStep(
            "no plan is shown that fails verification. Please report this text with the files; meanwhile another "
            "solver (--backend pulp) may find a plan that passes. Is the installation fit?",
            (DOCTOR,),
        ),
    ),
    (
        ImportError,
        NextStep(
            "install it again in the environment that runs gpufleet; where this comes with every command, with all "
            "that gpufleet needs",
            ("pip install --force-reinstall gpufleet", DOCTOR),
        ),
    ),
    (Exception, NextStep("is the installation fit?", (DOCTOR,))),
)


def _after_input(error: InputError, call: Call) -> Iterator[NextStep]:
    """The first that fits: what is missing altogether, then what is wrong inside."""
    for problem in error.problems:
        if not problem.line and problem.message.startswith("no such") and not Path(problem.file).exists():
            yield _missing(problem, call)
    if any("cannot be written" in problem.message for problem in error.problems):
        yield NextStep("name a file in a folder that is there and that you may write to, then run the command again")
    if any("not valid YAML" in problem.message for problem in error.problems):
        yield NextStep(
            "YAML is `key: value` with a space after the colon, list entries begin with `- `, and text with a colon or "
            "a # in it stands in quotes. A whole file to compare with",
            ("gpufleet examples bank-assistant",),
        )
    again = "mend what is listed above and run the same command again"
    if call.name == "estimate":
        lists = (
            "gpufleet catalog list models",
            "gpufleet catalog list accelerators",
            "gpufleet catalog list node-types",
        )
        yield NextStep(f"{again}; names are those of", lists)
    if call.name == "validate":
        yield NextStep(f"{again}; all fields of an instance file", ("gpufleet schema instance",))
    if call.file is None or call.name == "import":
        yield NextStep(again)
    yield NextStep("mend what is listed above; this checks it again without solving", (_validate(call),))


def _validate(call: Call) -> str:
    libraries = [word for folder in call.params.get("libraries") or () for word in ("--library", str(folder))]
    return shlex.join(["gpufleet", "validate", call.file or "FILE", *libraries])


def _missing(problem: InputProblem, call: Call) -> NextStep:
    """A file or folder that is not there."""
    if "library folder" in problem.message:
        return NextStep(
            "--library and GPUFLEET_LIBRARY name folders that hold catalog/ or models/; this lists the folders in use",
            (DOCTOR,),
        )
    if problem.file == str(call.params.get("plan")):
        return NextStep("write the plan first", (call.like_this("solve", "--out", problem.file),))
    given = call.params.get("files") or (call.params.get("file"), call.params.get("instance"))
    if call.name != "import" and problem.file in map(str, given):
        from gpufleet.library.bundled_instances import bundled_instances
        from gpufleet.library.wording import closest

        near = closest(problem.file, bundled_instances())
        if near is not None:
            return NextStep("the bundled instance whose name is nearest", (f"gpufleet {call.name} {near}",))
        return NextStep(
            "begin with a file of your own, or with one of the bundled instances, which are known by name",
            (shlex.join(["gpufleet", "init", problem.file]), "gpufleet examples"),
        )
    return NextStep("look at the path, which counts from the current folder, and run the command again")


def after_interrupt(call: Call) -> NextStep:
    """What to do after Ctrl-C, or the end of the input in a question."""
    if call.name == "init":
        return NextStep("nothing was written; --yes takes the default of every question", ("gpufleet init --yes",))
    return NextStep("what was not finished is not written; run the same command again")
