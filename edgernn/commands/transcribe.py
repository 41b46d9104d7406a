"""`edgernn transcribe`: the words that a recogniser hears in a recording, or in a microphone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from edgernn.commands._complete import TargetName
from edgernn.commands._form import command, print_json


@command
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("recording", type=click.Path(path_type=Path))
@click.option("--on", type=TargetName(), help="Which code of the bundle: host, cortex-m7, any...")
def transcribe(bundle: Path, recording: Path, on: str | None, as_json: bool) -> None:
    """Print the words that a BUNDLE hears in a RECORDING.

    Each word is printed when the stream has it: samples go in 10 ms at a time and state is carried,
    as on a device. Several channels are averaged and another sample rate is resampled; a line then
    says so. With --json every word has its time and the probability of its label.

    \b
    edgernn transcribe asr.edgernn clip.wav
    edgernn transcribe asr.edgernn clip.wav --json
    """
    from edgernn.listening import open_recording, transcribed
    from edgernn.recognition.decode import Recognizer
    from edgernn.runtime import open_steps

    recognizer = Recognizer(open_steps(bundle, on=on))
    first = recognizer.sessions["features"]
    audio = open_recording(first, recording)
    words = transcribed(recognizer, audio)
    if as_json:
        found = [asdict(word) for word in words]
        print_json(
            {
                "bundle": bundle,
                "recording": recording,
                "seconds": audio.seconds,
                "notes": audio.notes,
                "on": first.artifact["target"],
                "text": " ".join(word["label"] for word in found),
                "words": found,
            }
        )
        return
    for note in audio.notes:
        click.echo(f"note: {recording}: {note}", err=True)
    count = 0
    for word in words:
        click.echo(f"{' ' if count else ''}{word.label}", nl=False)
        count += 1
    click.echo()
    where = first.artifact["target"]
    click.echo(f"{count} words in {audio.seconds:.2f} s of audio, on {where}", err=True)


COMMAND = transcribe
