"""Find models: by name in models/, a user's own `path/mine.py:build`, an ONNX step, a training.

Light: listing and describing models imports no torch; `Model.steps` does. A model folder holds
`__init__.py` with INFO, `network.py` with `build`, `recipe.toml`, `weights.safetensors`, `clips/`,
`CARD.md`. A user's file needs only the function; it may define INFO (a `ModelInfo`) and
`examples()`, which yields input arrays (1, T, C) of real data for calibration, and where `build`
gives several steps that feed one another, `fed(steps, streams)`, the streams of each. An `.onnx`
file is exported as it is (`graph/onnx_file`); it cannot be built or trained. A folder that
`edgernn train` or `compress` left is the model that its recipe.toml names, with that recipe and
the weights there. Such a folder within a model's own is a variant of it: models/kws/dense is
`kws/dense`.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
import sys
import tomllib
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from edgernn.errors import DataError, ModelError, UnknownName

if TYPE_CHECKING:
    from torch import nn

    from edgernn.streaming import Streaming

Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a model without building it; None where nothing is.

    frame_ms: real time per block of the first step; step_ms: of those that come at another pace,
        by name. labels: of the last output axis. further_words: that a keyboard knows beyond them;
        first_words: labels that lines begin with, and the share of lines that do.
    spotting: how a spotter's labels become words, as `spotting.detector.WordDetector` has it:
        threshold, window_ms, refractory_ms.
    variants: what each trained folder within a model's own is, by its name.
    """

    summary: str = ""
    sample_rate_hz: int | None = None
    frame_ms: float | None = None
    step_ms: Mapping[str, float] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    further_words: tuple[str, ...] = ()
    first_words: Mapping[str, float] = field(default_factory=dict)
    spotting: Mapping[str, float] = field(default_factory=dict)
    variants: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be built, calibrated and exported.

    folder: of a shipped model; None for a user's file, whose path is `source`.
    function: that builds it; "" for an .onnx file.
    run: the folder of a training, whose recipe and weights are used instead of the model's own.
    """

    name: str
    info: ModelInfo
    folder: Path | None
    source: Path
    function: str
    run: Path | None = None

    def steps(self, weights: Path | None = None) -> dict[str, Streaming]:
        """The networks by step name, in eval mode, with their weights loaded.

        Raises: ModelError if the function does not give Streaming modules, weights misfit, or a
            model of models/ has none.
        """
        steps = self.built()
        weights = weights or self.weights
        if weights:
            load_weights(steps, weights)
        elif self.folder is not None:
            raise ModelError(
                f"{self.name}: comes untrained; run: edgernn train {self.name} --data PATH -o DIR, "
                "and give DIR instead"
            )
        return steps

    def built(self, **sizes: Any) -> dict[str, Streaming]:
        """The same with fresh weights; sizes: arguments of `build` instead of the recipe's.

        Raises: ModelError if the function does not give Streaming modules.
        """
        if self.is_onnx:
            raise ModelError(f"{self.source}: an ONNX model is exported as it is, not built anew")
        arguments = self._recipe_table("network") | sizes
        function = _function(self._module(), self.function, self.source)
        steps = self._checked(function(**arguments))
        self._restructure(steps)
        for step in steps.values():
            step.eval()
        return steps

    def _module(self) -> ModuleType:
        """The file that builds it."""
        if self.folder is None:
            return _load_file(self.source)
        return importlib.import_module(f"edgernn.models.{self.name}.network")

    @property
    def reference(self) -> str:
        """What `find_model` finds it by, wherever it is asked."""
        if self.run is not None:
            return f"{self.name}/{self.variant}" if self.variant else str(self.run.resolve())
        if self.folder is None:
            return f"{self.source.resolve()}:{self.function}" if self.function else str(self.source)
        return self.name

    @property
    def variant(self) -> str | None:
        """The name of this variant of a model in models/, if it is one."""
        return self.run.name if self.run and self.run.parent == self.folder else None

    @property
    def is_onnx(self) -> bool:
        """Whether it is an .onnx file rather than a function that builds modules."""
        return not self.function

    def _recipe_table(self, name: str) -> dict[str, Any]:
        path = self.recipe
        if path is None:
            return {}
        return dict(tomllib.loads(path.read_text(encoding="utf-8")).get(name, {}))

    def _restructure(self, steps: dict[str, Streaming]) -> None:
        """What the recipe's compression did to the modules; those of several steps by step."""
        table = self._recipe_table("compress")
        if table:
            from torch import nn

            from edgernn.compress.plan import restructure

            network: nn.Module
            if len(steps) == 1:
                (network,) = steps.values()
            else:
                network = nn.Module()  # a ModuleDict would take no step called `keys`
                for name, step in steps.items():
                    network.add_module(name, step)
            restructure(network, table, str(self.recipe))

    def _checked(self, built: Any) -> dict[str, Streaming]:
        from torch import nn

        from edgernn.streaming import Streaming

        if isinstance(built, nn.Module) and not isinstance(built, Streaming):
            built = self._streamified(built)
        steps = {self.name: built} if not isinstance(built, dict) else built
        for name, step in steps.items():
            if not isinstance(step, Streaming):
                raise ModelError(
                    f"{self.source}:{self.function} gives {type(step).__name__} for {name!r}; "
                    "need a torch module, an edgernn.streaming.Streaming, or a dict of these by "
                    "step name; edgernn.streamify makes them of torch modules"
                )
        if not steps:
            raise ModelError(f"{self.source}:{self.function} gives no step; need at least one")
        return steps

    def _streamified(self, module: nn.Module) -> Streaming:
        """A plain torch module as a step, on the first of the file's `examples()`."""
        import torch

        from edgernn.plain import streamify

        examples = getattr(self._module(), "examples", None)
        if examples is None:
            raise ModelError(
                f"{self.source}:{self.function} gives a plain {type(module).__name__}; define "
                "examples() beside it, yielding arrays (1, frames, channels) that it reads, or let "
                "it give edgernn.streamify(module, example)"
            )
        return streamify(module, torch.from_numpy(_example(self.source, next(iter(examples())))))

    def calibration(self, count: int) -> Iterator[Array]:
        """At most `count` streams of real input, (1, T, C) float32, T a whole number of blocks.

        From the shipped clips, else a user file's `examples()`, else seeded noise with a warning.
        """
        if self.folder is not None and (self.folder / "clips").is_dir():
            yield from self._clips(count)
            return
        examples = getattr(self._module(), "examples", None)
        if examples is not None:
            for _, array in zip(range(count), examples(), strict=False):
                yield _example(self.source, array)
            return
        warnings.warn(
            f"{self.source}: no examples() to calibrate with; using seeded noise", stacklevel=2
        )
        yield from self._noise(count)

    def fed(self, steps: Mapping[str, Streaming], count: int) -> Mapping[str, list[Array]]:
        """What each step is given when `count` streams of real input are put through the model.

        Where steps feed one another, `fed(steps, streams)` beside `build` says it; else each is
        given the streams themselves.
        """
        streams = list(self.calibration(count))
        function = getattr(self._module(), "fed", None)
        if function is None:
            return dict.fromkeys(steps, streams)
        return function(steps, streams)  # type: ignore[no-any-return]

    def clips(self) -> list[Path]:
        """The audio clips shipped with the model."""
        if self.folder is None:
            return []
        found = (self.folder / "clips").glob("*")
        return sorted(path for path in found if path.suffix in {".wav", ".flac"})

    def _clips(self, count: int) -> Iterator[Array]:
        import soundfile

        rate_hz, frame_ms = self.info.sample_rate_hz, self.info.frame_ms
        block = round((rate_hz or 0) * (frame_ms or 0) / 1000) or 1
        for path in self.clips()[:count]:
            audio, rate = soundfile.read(path, dtype="float32")
            if rate != rate_hz or audio.ndim != 1:
                raise DataError(f"{path}: {rate} Hz; need {rate_hz} Hz mono")
            yield audio[: len(audio) // block * block].reshape(1, -1, 1)

    def _noise(self, count: int) -> Iterator[Array]:
        first = next(iter(self.steps().values()))
        channels = _channels(first)
        if channels is None:
            raise ModelError(
                f"{self.source}: cannot tell how many channels it takes; define examples() "
                "there, yielding arrays (1, T, channels)"
            )
        rng = np.random.default_rng(0)
        for _ in range(count):
            frames = max(1, 100 // first.timing.block) * first.timing.block
            yield rng.standard_normal((1, frames, channels)).astype(np.float32)

    def file(self, name: str) -> Path | None:
        """A file beside the weights, if there is one: of the training, else as shipped."""
        home = self.run or self.folder
        path = home / name if home else None
        return path if path and path.is_file() else None

    @property
    def recipe(self) -> Path | None:
        """recipe.toml, if there is one."""
        return self.file("recipe.toml")

    @property
    def weights(self) -> Path | None:
        """weights.safetensors, if there are any."""
        return self.file("weights.safetensors")

    @property
    def card(self) -> Path | None:
        """CARD.md, if there is one. A variant's is that of its model."""
        return replace(self, run=None).card if self.variant else self.file("CARD.md")


def _example(source: Path, given: Any) -> Array:
    """One stream of a user's `examples()`, in float32 or as int64 tokens."""
    array = np.asarray(given)
    kind = array.dtype.kind
    if kind not in "fiu" or array.ndim < 2 or array.shape[0] != 1:
        raise DataError(
            f"{source}: examples() gives {array.dtype} {array.shape}; need (1, frames, channels) "
            "of floats, or (1, frames) of integer tokens"
        )
    return array.astype(np.float32 if kind == "f" else np.int64)


def model_names() -> list[str]:
    """Models found in models/, sorted."""
    package = importlib.import_module("edgernn.models")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.ispkg)


def shipped_names() -> list[str]:
    """All that comes trained: models, each before its variants, as `kws` before `kws/dense`."""
    return [
        one
        for name in model_names()
        if (model := find_model(name)).weights
        for one in (name, *(f"{name}/{v}" for v in model.info.variants))
    ]


def _trained(run: Path) -> Model:
    """The model that a training in this folder was of."""
    recipe = run / "recipe.toml"
    try:
        table = tomllib.loads(recipe.read_text(encoding="utf-8"))
    except OSError as cause:
        raise ModelError(f"{run}: no recipe.toml in it, so it holds no trained model") from cause
    except tomllib.TOMLDecodeError as cause:
        raise ModelError(f"{recipe}: not TOML: {cause}") from cause
    if not (run / "weights.safetensors").is_file():
        raise ModelError(f"{run}: no weights.safetensors; its training has not ended")
    if not isinstance(table.get("model"), str):
        raise ModelError(f'{recipe}: names no model; need a line like model = "kws"')
    return replace(find_model(table["model"]), run=run)


def find_model(name: str) -> Model:
    """The model of this name, of `path/mine.py:build`, `path/step.onnx`, or a training's folder.

    A name is a folder's in models/, or one of a variant within it: `kws`, `kws/dense`.

    Raises: UnknownName with the nearest names; ModelError if the file or function is missing.
    """
    if Path(name).is_dir() and name not in model_names():
        return _trained(Path(name))
    if Path(name).suffix.lower() == ".onnx":
        source = Path(name)
        if not source.is_file():
            raise ModelError(f"{name}: no such file")
        stem = re.sub(r"\W+", "-", source.stem).strip("-") or "step"
        return Model(stem, ModelInfo(), None, source, "")
    if ".py" in name:
        path, _, function = name.rpartition(":") if ".py:" in name else (name, "", "build")
        source = Path(path)
        if not source.is_file():
            raise ModelError(f"{path}: no such file; a model is models/NAME or path/mine.py:build")
        module = _load_file(source)
        _function(module, function, source)
        return Model(source.stem, getattr(module, "INFO", ModelInfo()), None, source, function)
    own, _, variant = name.partition("/")
    if own not in model_names():
        raise UnknownName("model", name, shipped_names())
    package = importlib.import_module(f"edgernn.models.{own}")
    folder = Path(str(package.__file__)).parent
    if variant and variant not in package.INFO.variants:
        raise UnknownName("model", name, shipped_names())
    run = folder / variant if variant else None
    return Model(own, package.INFO, folder, folder / "network.py", "build", run)


def load_weights(steps: Mapping[str, nn.Module], path: Path) -> None:
    """Load a safetensors file into the steps; names are STEP.PARAMETER, or PARAMETER for one step.

    Raises: ModelError if it is damaged or of another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
        for prefix, step in by_prefix(steps).items():
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            step.load_state_dict(own)
    except (OSError, SafetensorError, RuntimeError) as cause:
        line = str(cause).splitlines()[-1].strip()
        raise ModelError(f"{path}: weights do not load: {line}") from cause


def by_prefix(steps: Mapping[str, nn.Module]) -> dict[str, nn.Module]:
    """The steps by what their tensors' names begin with in a file: nothing if there is but one."""
    return {f"{name}." if len(steps) > 1 else "": step for name, step in steps.items()}


def load_source(model: Model) -> ModuleType:
    """The module of a user's file. Raises: ModelError if it cannot be imported."""
    return _load_file(model.source)


def _load_file(source: Path) -> ModuleType:
    key = f"edgernn_user_{abs(hash(source.resolve()))}"
    if key in sys.modules:
        return sys.modules[key]
    spec = importlib.util.spec_from_file_location(key, source)
    if spec is None or spec.loader is None:
        raise ModelError(f"{source}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[key] = module
    try:
        spec.loader.exec_module(module)
    except Exception as cause:
        del sys.modules[key]
        raise ModelError(
            f"{source}: cannot be imported: {type(cause).__name__}: {cause}"
        ) from cause
    return module


def _function(module: ModuleType, name: str, source: Path) -> Callable[..., Any]:
    function = getattr(module, name, None)
    if not callable(function):
        public = (n for n, v in vars(module).items() if callable(v) and not n.startswith("_"))
        near = ", ".join(sorted(public)) or "no function"
        raise ModelError(f"{source}: no function {name!r}; it has {near}")
    return function  # type: ignore[no-any-return]


def _channels(step: Streaming) -> int | None:
    """Input channels, read off the first layer that states them."""
    for layer in step.modules():
        for attribute in ("in_channels", "input_size", "in_features"):
            value = getattr(layer, attribute, None)
            if isinstance(value, int):
                return value
    return None
