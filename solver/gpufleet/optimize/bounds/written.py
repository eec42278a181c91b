"""Trees as they stand in a plan file: rows and variables by name, in few words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpufleet.optimize.bounds.lagrangian import Prices
from gpufleet.optimize.bounds.tree import BrokenTreeError, Split, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpufleet.optimize.formulation.linear_model import LinearModel

LONGEST_NUMBER = 30
"""Digits of a number that are read."""


@dataclass(frozen=True)
class WrittenTree:
    """A tree without its first set of prices, which the certificate has anyway."""

    variables: tuple[str, ...]
    """Names of those that are split."""
    rows: tuple[str, ...]
    """Names of those that have a price anywhere."""
    denominator: int
    prices: tuple[str, ...]
    """Sets from the second on: position in `rows` and numerator, again and again."""
    nodes: str
    """`3<=7`: two cases of the variable at position 3 in `variables`; `5`: a leaf with the fifth set (0: the first)."""


def written(model: LinearModel, tree: Tree) -> WrittenTree:
    """The tree in words; all sets of prices but the first have the same denominator."""
    splits = sorted({node.variable for node in tree.nodes if isinstance(node, Split)})
    column = {j: position for position, j in enumerate(splits)}
    priced = sorted({row for prices in tree.prices[1:] for row in prices.numerators})
    line = {row: position for position, row in enumerate(priced)}
    return WrittenTree(
        variables=tuple(model.variables[j].name for j in splits),
        rows=tuple(model.rows[row].name for row in priced),
        denominator=tree.prices[-1].denominator,
        prices=tuple(
            " ".join(f"{line[row]} {price}" for row, price in sorted(prices.numerators.items()))
            for prices in tree.prices[1:]
        ),
        nodes=" ".join(
            f"{column[node.variable]}<={node.most}" if isinstance(node, Split) else str(node) for node in tree.nodes
        ),
    )


def read(model: LinearModel, first: Prices, words: WrittenTree) -> Tree:
    """The tree of the words. Raises `BrokenTreeError` for what is no tree of this model."""
    columns = {variable.name: variable.index for variable in model.variables}
    lines = {row.name: number for number, row in enumerate(model.rows)}
    variables = [_known(columns, name, "variable") for name in words.variables]
    rows = [_known(lines, name, "row") for name in words.rows]
    prices = tuple(Prices(_numerators(text, rows), words.denominator) for text in words.prices)
    return Tree(tuple(_node(word, variables) for word in words.nodes.split()), (first, *prices))


def _known(known: Mapping[str, int], name: str, what: str) -> int:
    if name not in known:
        raise BrokenTreeError(f"the instance has no {what} {name}")
    return known[name]


def _numerators(text: str, rows: Sequence[int]) -> dict[int, int]:
    numbers = [_whole(word) for word in text.split()]
    if len(numbers) % 2:
        raise BrokenTreeError("a price is missing")
    return {rows[_position(i, len(rows))]: price for i, price in zip(numbers[::2], numbers[1::2], strict=True)}


def _node(word: str, variables: Sequence[int]) -> Split | int:
    variable, sign, most = word.partition("<=")
    if not sign:
        return _whole(word)
    return Split(variables[_position(_whole(variable), len(variables))], _whole(most))


def _position(number: int, length: int) -> int:
    if not 0 <= number < length:
        raise BrokenTreeError(f"there is no position {number} among {length} names")
    return number


def _whole(word: str) -> int:
    digits = word.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= LONGEST_NUMBER):
        raise BrokenTreeError(f"{word[:LONGEST_NUMBER]!r} is not a whole number")
    return int(word)
