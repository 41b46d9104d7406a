"""`edgernn export`: a model as a verified bundle."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgernn.commands._complete import Model, NumberTypeName, on_target
from edgernn.commands._explain import explained
from edgernn.commands._form import command, print_json, print_table, progress
from edgernn.errors import ModelError

if TYPE_CHECKING:
    from edgernn.exporting import ExportReport


@command
@click.argument("model", type=Model())
@on_target
@click.option(
    "--number-type",
    default="fp32",
    show_default=True,
    type=NumberTypeName(),
    help="fp32, w8a8, w8a16, w4a8, w4a8-row, w2a8, w2a8-row or mixed: bits of weights, inputs; "
    "with -s8 behind it computed states have 8 bits, not 16.",
)
@click.option(
    "--calibration",
    default="percentile",
    show_default=True,
    type=click.Choice(["percentile", "mse"]),
    help="Range of 8-bit values: 99.9 % of the frames' extremes, or the least squared error.",
)
@click.option(
    "--backend",
    default="c",
    show_default=True,
    help="c: our own code. onnx: ONNX Runtime's fp32, int8-dynamic, int8 or int4, on host. "
    "sherpa: a recogniser as a folder that sherpa-onnx loads; host, fp32.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Default: MODEL-TARGET-TYPE.edgernn; MODEL-BACKEND for a folder.",
)
@click.option("--cc", help="C compiler: zig (default), gcc, clang, or the path of one.")
@click.option(
    "--activations",
    default="exact",
    show_default=True,
    type=click.Choice(["exact", "table", "polynomial"]),
    help="Form of sigmoid, tanh and exp of floats; integers always use their 16-bit table.",
)
@click.option(
    "--state",
    "states",
    multiple=True,
    metavar="IN=OUT",
    help="For an .onnx file: output OUT is next step's input IN; IN= if IN is no state.",
)
@click.option(
    "--shape",
    "shapes",
    multiple=True,
    metavar="IN=1,9,80",
    help="For an .onnx file: the size of an input that varies.",
)
@click.option(
    "--frames",
    type=click.Path(path_type=Path),
    help="For an .onnx file: real input, .npy (steps, ...) or .npz with an array an input.",
)
@click.option(
    "--frame-ms",
    type=click.FloatRange(min=0, min_open=True),
    help="For an .onnx file: real time that a step stands for.",
)
@click.option(
    "--subnet",
    metavar="NAME",
    help="A smaller form: of `asr` small or large, of a supernet's folder hidden=64,layers=1.",
)
@click.option(
    "--slim",
    is_flag=True,
    help="A bundle without the C source, ONNX and the host's twin: what runs on the target alone.",
)
@click.option("--explain", is_flag=True, help="Say what each pass did and where each buffer lives.")
def export(
    model: str,
    target: str,
    number_type: str,
    calibration: str,
    backend: str,
    output: Path | None,
    cc: str | None,
    activations: str,
    states: tuple[str, ...],
    shapes: tuple[str, ...],
    frames: Path | None,
    frame_ms: float | None,
    subnet: str | None,
    slim: bool,
    explain: bool,
    as_json: bool,
) -> None:
    """Compile a MODEL for a target and prove it equal to torch.

    MODEL is a name that `edgernn models` lists, your own `file.py:build`, or a step model.onnx of
    another exporter, whose truth is ONNX Runtime. The bundle is written only if what was compiled
    gives the model's own numbers.

    \b
    edgernn export kws --target cortex-m4 --number-type w4a8 -o kws.edgernn
    edgernn export asr --subnet small --target arm
    edgernn export mine.py:build --target host --cc gcc
    edgernn export vad.onnx -t host --state h=hn --shape x=1,512 --frames speech.npz
    edgernn export kws -t host --backend onnx --number-type int8 -o kws-onnx.edgernn
    edgernn export digits -t host --backend sherpa -o digits-sherpa
    """
    from edgernn.backend import find_backend, serves_client

    name = Path(model.partition(":")[0]).stem
    if subnet:
        name += "-" + subnet.replace("=", "").replace(",", "-")
    with _named(model, subnet) as chosen:
        if serves_client(find_backend(backend)):
            if slim:
                raise ModelError(f"--slim: is for a bundle; --backend {backend} makes a folder")
            out = output or Path(f"{name}-{backend}")
            report = _for_client(chosen, backend, (target, number_type), out, as_json)
        else:
            from edgernn.exporting import OnnxOptions
            from edgernn.exporting import export as export_model
            from edgernn.graph.onnx_file import Wiring

            wiring = Wiring(tuple(map(_pair, states)), dict(map(_shape, shapes)))
            report = export_model(
                chosen,
                target,
                number_type,
                output or Path(f"{_stem(name, backend, target)}-{number_type}.edgernn"),
                cc,
                progress(as_json),
                activations=activations,
                calibration=calibration,
                onnx=OnnxOptions(wiring, frames, frame_ms),
                slim=slim,
                backend=backend,
            )
    if as_json:
        print_json(asdict(report))
    else:
        if explain:
            click.echo("\n".join(explained(report.notes)))
        print_table(report.rows())
        click.echo(f"wrote {report.path}")


def _stem(name: str, backend: str, target: str) -> str:
    return f"{name}-{target}" if backend == "c" else f"{name}-{backend}"


def _for_client(
    model: str, backend: str, place: tuple[str, str], output: Path, as_json: bool
) -> ExportReport:
    """A folder for another program. Raises: ModelError for a target or type it does not take."""
    from edgernn.backend import find_backend
    from edgernn.client_export import export_for_client
    from edgernn.target import find_target

    if not find_backend(backend).supports(find_target(place[0]), place[1]):
        raise ModelError(f"--backend {backend}: takes host and fp32, not {' and '.join(place)}")
    return export_for_client(model, backend, output, progress(as_json))


def _named(model: str, subnet: str | None) -> AbstractContextManager[str]:
    """The model's name, or that of its subnetwork."""
    if subnet is None:
        return nullcontext(model)
    from edgernn.supernet.extract import smaller

    return smaller(model, subnet)


def _pair(text: str) -> tuple[str, str]:
    name, equals, out = text.partition("=")
    if not name or not equals:
        raise ModelError(f"--state {text}: need IN=OUT, or IN= for an input that is no state")
    return name, out


def _shape(text: str) -> tuple[str, tuple[int, ...]]:
    name, _, sizes = text.rpartition("=")
    try:
        shape = tuple(int(size) for size in sizes.split(","))
    except ValueError:
        shape = (0,)
    if not name or min(shape) < 1:
        raise ModelError(f"--shape {text}: need IN=1,9,80, whole numbers above 0")
    return name, shape


COMMAND = export
