"""NT-ASGD: plain gradient steps, and from some step on the mean of the weights is what counts.

    logs: the figure watched, one a validation;  v: the latest;  n: patience
    averaging begins once v is worse than the best of logs but the last n before it
    the weights given: the mean of w_T .. w_k, T the step of that validation; w_k until then

Source: Merity et al. 2017, arXiv:1708.02182, algorithm 1, with the condition as in the authors'
code; n = 5 and a constant rate are theirs. Differs: the rate may rise at the beginning, and what is
validated after T is the mean, as in their code.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgernn.train.recipe import Recipe, RecipeError


def averaged_since(recipe: Recipe, history: Sequence[Mapping[str, float]]) -> int:
    """The step at which the average begins, or 0, by the rows of the validations so far.

    Raises: RecipeError if the rows lack the figure watched.
    """
    name, sign = recipe.watch.removeprefix("-"), -1 if recipe.watch.startswith("-") else 1
    logs: list[float] = []
    for row in history:
        if name not in row:
            raise RecipeError(
                f"{recipe.name}: train.watch is {recipe.watch!r}; a validation gives "
                f"{', '.join(sorted(row.keys() - {'step'}))}"
            )
        value = sign * row[name]
        if len(logs) > recipe.patience and value < max(logs[: -recipe.patience]):
            return int(row["step"])
        logs.append(value)
    return 0


def newest_share(step: int, since: int) -> float:
    """What the weights after this step weigh in the mean of all from step `since` on."""
    return 1 / (step + 2 - since) if since else 1.0
