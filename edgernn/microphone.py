"""The default microphone as live sound, through `sounddevice` (`edgernn[mic]`)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

from edgernn.backend import Array
from edgernn.errors import DataError, MissingExtra, ToolError
from edgernn.interrupt import held_interrupt


class Microphone:
    """Mono samples at `rate_hz` until Ctrl-C. seconds: how much was heard so far.

    Raises: MissingExtra; ToolError without the library PortAudio.
    """

    notes: tuple[str, ...] = ()

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz, self.seconds = rate_hz, 0.0
        self._driver = _sounddevice()

    def blocks(self, block: int) -> Iterator[Array]:
        """Samples as they come, (block,) float32. Raises: DataError if there is no microphone."""
        with held_interrupt() as asked, self._opened(block) as stream:
            while not asked.is_set():
                samples, lost = stream.read(block)
                if lost:
                    warnings.warn("microphone: samples were lost; steps are too slow", stacklevel=2)
                self.seconds += block / self.rate_hz
                yield samples[:, 0]

    def _opened(self, block: int) -> Any:
        try:
            return self._driver.InputStream(self.rate_hz, block, channels=1, dtype="float32")
        except self._driver.PortAudioError as cause:
            raise DataError(
                f"no microphone at {self.rate_hz:,} Hz ({cause.args[0]}); name a recording"
            ) from cause


def _sounddevice() -> Any:
    try:
        import sounddevice
    except ImportError:
        raise MissingExtra("sounddevice", "mic") from None
    except OSError as cause:
        raise ToolError(f"sounddevice: {cause}; install it (libportaudio2 on Debian)") from cause
    return sounddevice
