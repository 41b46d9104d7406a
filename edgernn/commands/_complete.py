"""What a shell offers for a MODEL or a --target: the names of the files that define them."""

from __future__ import annotations

import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    Kind = click.ParamType[str]
else:
    Kind = click.ParamType  # not generic in older releases of click

_PACKAGE = Path(__file__).resolve().parent.parent


def _files(folder: str) -> list[str]:
    found = (m.name for m in pkgutil.iter_modules([str(_PACKAGE / folder)]))
    return sorted(name for name in found if not name.startswith("_"))


def _names(folder: str) -> list[str]:
    return sorted(name.replace("_", "-") for name in _files(folder))


def _variants(model: str) -> list[str]:
    folder = _PACKAGE / "models" / model
    return sorted(f"{model}/{path.parent.name}" for path in folder.glob("*/recipe.toml"))


class Model(Kind):
    """The name of a shipped model, or `file.py:build`."""

    name = "model"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        known = [one for name in _names("models") for one in (name, *_variants(name))]
        names = [name for name in known if name.startswith(incomplete)]
        return [CompletionItem(name) for name in names] or [CompletionItem(incomplete, type="file")]


class UnitOrModel(Model):
    """The name of a recurrent unit's file, or what a model is found by."""

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        units = [CompletionItem(name) for name in _files("cells") if name.startswith(incomplete)]
        models = super().shell_complete(ctx, param, incomplete)
        return [*units, *(one for one in models if not units or one.type == "plain")]


class TargetName(Kind):
    """The name of a target."""

    name = "target"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        names = [name for name in _names("targets") if name not in ("devices", "runners")]
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class PackageName(Kind):
    """The name of a package for some language."""

    name = "package"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(name) for name in _names("embed") if name.startswith(incomplete)]


class NumberTypeName(Kind):
    """The name of a number type; an unknown one is refused by the export, with the nearest."""

    name = "type"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from edgernn.graph.number_type import NUMBER_TYPES

        return [CompletionItem(name) for name in NUMBER_TYPES if name.startswith(incomplete)]


on_target = click.option(
    "--target", "-t", required=True, type=TargetName(), help="See `edgernn targets`."
)
