"""How a process ends: first it says that it is not ready, after a delay it stops.

A load balancer learns from /readyz that the process leaves, and needs some seconds for it. Until
then requests still arrive, and are answered.
"""

import asyncio
import signal

import structlog

_log = structlog.get_logger(__name__)


class Shutdown:
    """The end of a process. The first SIGTERM or SIGINT begins the delay, a second one ends it."""

    def __init__(self, *, delay: float = 0) -> None:
        """delay: seconds between the signal and the stop, during which requests are served."""
        self.draining = asyncio.Event()
        """Set by the first signal. The process is not ready any more."""
        self.stop = asyncio.Event()
        """Set after the delay: the process closes its listener and ends."""
        self._delay = delay

    def on_signals(self) -> None:
        """Begin at SIGTERM and SIGINT. Call it in the running event loop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.begin)

    def begin(self) -> None:
        """Stop after the delay; at once where it is under way already."""
        # mutation: drain-delay
        if self.draining.is_set() or not self._delay:
            self.now()
        else:
            _log.info("draining", seconds=self._delay, note="still serving, no longer ready")
            asyncio.get_running_loop().call_later(self._delay, self.now)
        self.draining.set()

    def now(self) -> None:
        """Stop without a delay."""
        self.draining.set()
        self.stop.set()
