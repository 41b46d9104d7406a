"""`edgernn transcribe`: the words that a recogniser hears, in a recording or the microphone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgernn.commands._complete import TargetName
from edgernn.commands._form import command, print_json, progress
from edgernn.errors import DataError

if TYPE_CHECKING:
    from edgernn.listening import Sound
    from edgernn.recognition.decode import Word

    Heard = tuple[Iterator[Word], Sound, dict[str, str]]  # the last says where


@command
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("recording", type=click.Path(path_type=Path), required=False)
@click.option("--beam", type=click.IntRange(1), default=1, show_default=True, help="Hypotheses.")
@click.option("--hot-words", type=click.Path(path_type=Path), help="Phrases to expect, one a line.")
@click.option("--end-ms", type=float, help="An utterance ends so long after its last word.")
@click.option("--on", type=TargetName(), help="Which code of the bundle: host, cortex-m7, any...")
@click.option("--device", help="Run the loop in C there: local, qemu:aarch64, ssh://user@board.")
def transcribe(
    bundle: Path,
    recording: Path | None,
    beam: int,
    hot_words: Path | None,
    end_ms: float | None,
    on: str | None,
    device: str | None,
    as_json: bool,
) -> None:
    """Print the words that a BUNDLE hears in a RECORDING.

    Without one the microphone is listened to until Ctrl-C. Each word is printed once it is
    certain: samples go in 10 ms at a time and state is carried, as on a device. Several channels
    are averaged and another sample rate is resampled; a line then says so. With --json every word
    has its time and its probability. The file of --hot-words holds a phrase a line, behind a tab
    what each of its words is worth in nats (1.5 without).

    With --device the steps and the loop in C become one static Linux program, which runs there and
    gives the same words.

    \b
    edgernn transcribe asr.edgernn clip.wav
    edgernn transcribe asr.edgernn                      # the microphone, with edgernn[mic]
    edgernn transcribe asr.edgernn clip.wav --beam 4 --hot-words names.txt
    edgernn transcribe asr.edgernn meeting.wav --end-ms 800 --json
    edgernn transcribe asr-aarch64.edgernn clip.wav --device ssh://pi@board
    """
    from edgernn.recognition.hot_words import read_phrases

    options = {"beam": beam, "hot_words": read_phrases(hot_words) if hot_words else {}}
    options["end_ms"] = end_ms
    if device is None:
        words, sound, where = _here(bundle, recording, options, on)
    elif on is None:
        words, sound, where = _there(bundle, recording, options, device, progress(as_json))
    else:
        raise DataError(f"--on {on}: a device runs the code of its own target; leave out --on")
    if as_json:
        found = [asdict(word) for word in words]
        print_json(
            {
                "bundle": bundle,
                "recording": recording,
                "seconds": sound.seconds,
                "notes": sound.notes,
                **where,
                "text": " ".join(word["label"] for word in found),
                "words": found,
            }
        )
        return
    for note in sound.notes:
        click.echo(f"note: {recording}: {note}", err=True)
    count, before = 0, None
    for word in words:
        gap = "" if before is None else " " if word.utterance == before else "\n"
        click.echo(f"{gap}{word.label}", nl=False)
        count, before = count + 1, word.utterance
    click.echo()
    click.echo(
        f"{count} words in {sound.seconds:.2f} s of audio, on {', '.join(where.values())}", err=True
    )


def _here(bundle: Path, recording: Path | None, options: dict[str, Any], on: str | None) -> Heard:
    """By the loop in Python."""
    from edgernn.listening import open_sound, transcribed
    from edgernn.recognition.decode import Recognizer
    from edgernn.runtime import open_steps

    recognizer = Recognizer(open_steps(bundle, on=on), **options)
    first = recognizer.sessions["features"]
    sound = open_sound(first, recording)
    return transcribed(recognizer, sound), sound, {"on": first.artifact["target"]}


def _there(
    bundle: Path,
    recording: Path | None,
    options: dict[str, Any],
    url: str,
    say: Callable[[str], None],
) -> Heard:
    """By the loop in C, on a device."""
    from edgernn.bundle import open_bundle
    from edgernn.device import find_device
    from edgernn.listening import open_sound
    from edgernn.recognition.decode import check_steps
    from edgernn.recognition.program import build, heard
    from edgernn.runtime import Session

    opened = open_bundle(bundle)
    check_steps(opened.manifest["steps"])
    first = Session(opened, "features")
    sound = open_sound(first, recording)
    device = find_device(url)
    say(f"compiling for {device.target}")
    program = build(opened, device.target, **options)
    words = heard(device, program, opened, sound.blocks(first.timing.block))
    return words, sound, {"on": device.target, "device": url}


COMMAND = transcribe
