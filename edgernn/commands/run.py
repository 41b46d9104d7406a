"""`edgernn run`: what a bundle hears in a recording or the microphone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from edgernn.commands._complete import TargetName
from edgernn.commands._form import command, print_json


@command
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("recording", type=click.Path(path_type=Path), required=False)
@click.option("--on", type=TargetName(), help="Which code of the bundle: host, cortex-m4, any...")
def run(bundle: Path, recording: Path | None, on: str | None, as_json: bool) -> None:
    """Print what a BUNDLE hears in a RECORDING.

    Without one the microphone is listened to until Ctrl-C. Each detection is printed when the
    stream has it: frames go in one at a time and state is carried, as on a device. Several
    channels are averaged and another sample rate is resampled; a line then says so.

    \b
    edgernn run kws.edgernn clip.wav
    edgernn run kws.edgernn                             # the microphone, with edgernn[mic]
    edgernn run kws.edgernn clip.wav --on cortex-m4     # on the emulated chip
    edgernn run kws.edgernn clip.wav --json
    """
    from edgernn.bundle import open_bundle
    from edgernn.errors import DataError
    from edgernn.listening import listen, open_sound
    from edgernn.runtime import Session

    opened = open_bundle(bundle)
    steps = list(opened.manifest["steps"])
    if len(steps) > 1:
        raise DataError(
            f"{bundle}: has the steps {', '.join(steps)}; edgernn transcribe feeds one to the next"
        )
    session = Session(opened, on=on)
    sound = open_sound(session, recording)
    if as_json:
        found = [asdict(one) for one in listen(session, sound)]  # type: ignore[call-overload]
        print_json(
            {
                "bundle": bundle,
                "recording": recording,
                "seconds": sound.seconds,
                "notes": sound.notes,
                "on": session.artifact["target"],
                "detections": found,
            }
        )
        return
    for note in sound.notes:
        click.echo(f"note: {recording}: {note}", err=True)
    count = 0
    for one in listen(session, sound):
        count += 1
        click.echo(f"{one.time_ms / 1000:8.2f} s  {one.label:<12} {one.score:.2f}")
    click.echo(
        f"{count} detected in {sound.seconds:.2f} s of audio, on {session.artifact['target']}"
    )


COMMAND = run
