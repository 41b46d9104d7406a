"""Whether what rounding does to a state grows with time: a million frames, C beside torch.

    python -m benchmarks.state_drift [--frames N] [--json] [--write]

The keyword spotter from its features on, as C on this machine, against torch in float64. Frames are
features of the shipped clips in random order, each clip at a level of its own with noise on it, so
that no two rounds are alike. The state runs through from the first frame to the last.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.document import table, write_section
from edgernn.backend import find_backend
from edgernn.graph.capture import capture
from edgernn.model import find_model
from edgernn.road import opened
from edgernn.streaming import Sequential, Streaming
from edgernn.target import find_target

Array = NDArray[Any]

PAGE, PICTURE = Path("docs/compression.md"), Path("docs/state_drift.svg")
NUMBER_TYPES = ("fp32", "w8a16", "w8a8", "w8a8-s8")
FRAMES, WINDOWS = 1_000_000, 100
LEVEL, NOISE = 1.5, 0.2  # of a clip, natural log of its power; of a frame's log-mels
CALIBRATION = 5_000  # frames
TICK = 0.005  # of the picture's axis of errors
COLOURS = dict(zip(NUMBER_TYPES, ("#7f7f7f", "#2ca02c", "#1f77b4", "#d62728"), strict=True))


@dataclass(frozen=True, slots=True)
class Drift:
    """Error of one number type, in shares of the rms of torch's logits.

    windows: rms error in each hundredth of the stream. peak: of a logit. trend: growth of the
    error over the whole stream by a straight line, in shares of its mean; `trend_error` one
    standard error of it. agree: share of frames with the same largest logit.
    """

    number_type: str
    frames: int
    windows: tuple[float, ...]
    peak: float
    trend: float
    trend_error: float
    agree: float


def spotter() -> tuple[list[Array], Sequential]:
    """Log-mel frames (N, 40) of each shipped clip, and the layers that read them."""
    model = find_model("kws/dense")
    (network,) = model.steps().values()
    assert isinstance(network, Sequential)
    layers = dict(network.layers.items())
    front = layers.pop("features")
    assert isinstance(front, Streaming)
    with torch.no_grad():
        clips = [front(torch.from_numpy(audio))[0].numpy() for audio in model.calibration(64)]
    rest = {name: layer for name, layer in layers.items() if isinstance(layer, Streaming)}
    return clips, Sequential(**rest).eval()


def stream(clips: list[Array], count: int) -> Iterator[Array]:
    """Pieces (n, 40) of `count` frames in all."""
    rng = np.random.default_rng(0)
    while count > 0:
        clip = clips[rng.integers(len(clips))][:count]
        count -= len(clip)
        noise = NOISE * rng.standard_normal(clip.shape)
        yield (clip + rng.uniform(-LEVEL, LEVEL) + noise).astype(np.float32)


def programs(network: Sequential, frames: Array) -> dict[str, Any]:
    """The C of each number type, live on this machine."""
    backend: Any = find_backend("c")
    host, x = find_target("host"), frames.reshape(-1, 1, 1, frames.shape[1])
    step = capture(network, torch.from_numpy(x[0]), "kws")
    port, made = step.inputs[0].name, {}
    for name in NUMBER_TYPES:
        typed, _ = backend.typed(step, name, ({port: frame} for frame in x))
        row = step.row(backend.state_rows(step, typed, name))
        made[name] = opened(backend.export(step, host, name, typed=typed), row, host)
    return made


def measure(count: int) -> list[Drift]:
    """Run every number type beside torch over the whole stream."""
    clips, network = spotter()
    some = np.concatenate(list(stream(clips, CALIBRATION)))
    live = programs(network, some)
    exact = network.double()
    state = exact.initial_state(1)
    squares = {name: np.zeros(WINDOWS) for name in live}
    peak, agree = dict.fromkeys(live, 0.0), dict.fromkeys(live, 0)
    size, frames, at = 0.0, np.zeros(WINDOWS), 0
    for piece in stream(clips, count):
        with torch.no_grad():
            y, state = exact.step(torch.from_numpy(piece).double().unsqueeze(0), state)
        want = y[0].numpy()
        window = np.minimum((at + np.arange(len(piece))) * WINDOWS // count, WINDOWS - 1)
        size, at = size + float((want**2).sum()), at + len(piece)
        np.add.at(frames, window, want.shape[1])
        for name, program in live.items():
            got = _stepped(program, piece)
            np.add.at(squares[name], window, ((got - want) ** 2).sum(axis=1))
            peak[name] = max(peak[name], float(np.abs(got - want).max()))
            agree[name] += int((got.argmax(1) == want.argmax(1)).sum())
    scale = float(np.sqrt(size / frames.sum()))
    return [
        _drift(
            name, count, np.sqrt(squares[name] / frames) / scale, peak[name] / scale, agree[name]
        )
        for name in live
    ]


def _stepped(program: Any, piece: Array) -> Array:
    """Logits (n, labels) of a piece of the stream."""
    rows = []
    for frame in piece:
        (y,) = program.step({"x": frame.reshape(1, 1, -1)}).values()
        rows.append(np.array(y).reshape(-1))
    return np.stack(rows).astype(np.float64)


def _drift(name: str, count: int, windows: Array, peak: float, agree: int) -> Drift:
    """The figures, with a straight line through the windows' errors."""
    time = np.linspace(-0.5, 0.5, len(windows))
    slope = float((time * windows).sum() / (time**2).sum())
    rest = windows - windows.mean() - slope * time
    error = float(np.sqrt((rest**2).sum() / (len(windows) - 2) / (time**2).sum()))
    mean = float(windows.mean())
    rounded = tuple(float(f"{w:.4g}") for w in windows)
    return Drift(name, count, rounded, peak, slope / mean, error / mean, agree / count)


def lines(found: list[Drift]) -> list[str]:
    """The table and the picture, as markdown."""
    head = (
        "number type",
        "rms error",
        "first tenth",
        "last tenth",
        "growth",
        "peak",
        "same answer",
    )
    rows = []
    for one in found:
        tenth = len(one.windows) // 10
        parts = (one.windows, one.windows[:tenth], one.windows[-tenth:])
        figures = [f"{np.sqrt(np.mean(np.square(part))):.2e}" for part in parts]
        growth = f"{one.trend:+.1%} ± {one.trend_error:.1%}"
        rows.append(
            (f"`{one.number_type}`", *figures, growth, f"{one.peak:.3f}", f"{one.agree:.2%}")
        )
    count = f"{found[0].frames:,}"
    return [
        *table(head, rows),
        "",
        f"![rms error of each hundredth of {count} frames]({PICTURE.name})",
    ]


def picture(found: list[Drift]) -> str:
    """rms error over time, as SVG without libraries."""
    width, height, left, right, top, low = 640, 320, 64, 76, 16, 270
    most = float(np.ceil(max(w for one in found for w in one.windows) / TICK)) * TICK

    def y(error: float) -> float:
        return round(low - error / most * (low - top), 1)

    def x(share: float) -> float:
        return round(left + share * (width - left - right), 1)

    parts = [f'<rect width="{width}" height="{height}" fill="#fff"/>']
    for tick in range(round(most / TICK) + 1):
        at = y(tick * TICK)
        parts.append(f'<path d="M{left} {at}H{width - right}" stroke="#ddd"/>')
        words = f"{tick * TICK:.1%}"
        parts.append(f'<text x="{left - 8}" y="{at + 4}" text-anchor="end">{words}</text>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        words = f"{share * found[0].frames:,.0f}"
        parts.append(f'<text x="{x(share)}" y="{low + 18}" text-anchor="middle">{words}</text>')
    parts.append(f'<text x="{x(0.5)}" y="{low + 40}" text-anchor="middle">frame</text>')
    for one in found:
        colour, count = COLOURS[one.number_type], len(one.windows)
        path = " ".join(f"{x((i + 0.5) / count)},{y(w)}" for i, w in enumerate(one.windows))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
        place = f'x="{width - right + 8}" y="{y(one.windows[-1]) + 4}"'
        parts.append(f'<text {place} fill="{colour}">{one.number_type}</text>')
    size = f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12"'
    body = "\n".join(parts)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>\n{body}\n</svg>\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=FRAMES)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE} and {PICTURE}")
    options = parser.parse_args()
    found = measure(options.frames)
    if options.json:
        print(json.dumps([asdict(one) for one in found]))
    else:
        print("\n".join(lines(found)))
    if options.write:
        write_section("state_drift", lines(found), PAGE)
        PICTURE.write_text(picture(found), encoding="utf-8")


if __name__ == "__main__":
    main()
