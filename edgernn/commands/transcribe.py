"""`edgernn transcribe`: the words that a recogniser hears, in a recording or the microphone."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from edgernn.commands._complete import TargetName
from edgernn.commands._form import command, print_json


@command
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("recording", type=click.Path(path_type=Path), required=False)
@click.option("--beam", type=click.IntRange(1), default=1, show_default=True, help="Hypotheses.")
@click.option("--hot-words", type=click.Path(path_type=Path), help="Phrases to expect, one a line.")
@click.option("--end-ms", type=float, help="An utterance ends so long after its last word.")
@click.option("--on", type=TargetName(), help="Which code of the bundle: host, cortex-m7, any...")
def transcribe(
    bundle: Path,
    recording: Path | None,
    beam: int,
    hot_words: Path | None,
    end_ms: float | None,
    on: str | None,
    as_json: bool,
) -> None:
    """Print the words that a BUNDLE hears in a RECORDING.

    Without one the microphone is listened to until Ctrl-C. Each word is printed once it is
    certain: samples go in 10 ms at a time and state is carried, as on a device. Several channels
    are averaged and another sample rate is resampled; a line then says so. With --json every word
    has its time and its probability. The file of --hot-words holds a phrase a line, behind a tab
    what each of its words is worth in nats (1.5 without).

    \b
    edgernn transcribe asr.edgernn clip.wav
    edgernn transcribe asr.edgernn                      # the microphone, with edgernn[mic]
    edgernn transcribe asr.edgernn clip.wav --beam 4 --hot-words names.txt
    edgernn transcribe asr.edgernn meeting.wav --end-ms 800 --json
    """
    from edgernn.listening import open_sound, transcribed
    from edgernn.recognition.decode import Recognizer
    from edgernn.recognition.hot_words import read_phrases
    from edgernn.runtime import open_steps

    phrases = read_phrases(hot_words) if hot_words else {}
    sessions = open_steps(bundle, on=on)
    recognizer = Recognizer(sessions, beam=beam, hot_words=phrases, end_ms=end_ms)
    first = recognizer.sessions["features"]
    sound = open_sound(first, recording)
    words = transcribed(recognizer, sound)
    if as_json:
        found = [asdict(word) for word in words]
        print_json(
            {
                "bundle": bundle,
                "recording": recording,
                "seconds": sound.seconds,
                "notes": sound.notes,
                "on": first.artifact["target"],
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
    where = first.artifact["target"]
    click.echo(f"{count} words in {sound.seconds:.2f} s of audio, on {where}", err=True)


COMMAND = transcribe
