"""TERM, HUP and INT ask a sweep to stop: it ends its jobs, records them as interrupted, and leaves."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["Stop", "Stopped", "stop_signals"]

SIGNALS = tuple(found for name in ("SIGINT", "SIGTERM", "SIGHUP") if (found := getattr(signal, name, None)) is not None)


class Stopped(KeyboardInterrupt):
    """A sweep was asked to stop, by the signal `number`; its running jobs are recorded as interrupted."""

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__(signal.Signals(number).name)


class Stop:
    """Whether a signal has come, and which."""

    number: int | None = None

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Remember the first signal; a second one does not wait for the next look."""
        del frame
        if self.number is not None:
            raise Stopped(number)
        self.number = number

    def raise_if_asked(self) -> None:
        """Raise `Stopped` once a signal has come."""
        if self.number is not None:
            raise Stopped(self.number)

    def refuse_more(self) -> None:
        """From now on signals are ignored: the jobs are being ended."""
        if threading.current_thread() is threading.main_thread():
            for each in SIGNALS:
                signal.signal(each, signal.SIG_IGN)


@contextmanager
def stop_signals() -> Iterator[Stop]:
    """Inside the block signals set the `Stop`; one that was ignored before stays so, as under `nohup`."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {each: signal.getsignal(each) for each in SIGNALS}
    try:
        for each, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(each, stop.on_signal)
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
