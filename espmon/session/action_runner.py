"""Actions over a lease of the port: a probe, a flash. One at a time; each can be cancelled, and gives the port back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from espmon.port import PortError
from espmon.session.action import Action, ActionError
from espmon.session.lease import Lease
from espmon.session.port_link import Link, PortLoss
from espmon.session.reporter import Reporter
from espmon.session.state import Lifecycle, Trigger
from espmon.session.tasks import stop_tasks

CANCEL_SECONDS = 5.0
"""Longest wait for an action that was cancelled."""


class ActionRunner:
    """Lends the port to one action at a time.

    Args:
        link: the open port.
        lifecycle: the session's state.
        reporter: the session's voice.
        loss: told when the port went away under an action.
    """

    def __init__(self, link: Link, lifecycle: Lifecycle, reporter: Reporter, loss: PortLoss) -> None:
        self._link = link
        self._lifecycle = lifecycle
        self._reporter = reporter
        self._loss = loss
        self._task: asyncio.Task[None] | None = None
        self._acting = False
        """The action has not ended: it may be cancelled."""
        self._cancelled = asyncio.Event()

    async def run(self, action: Action, *, consented: bool = False) -> None:
        """Lend the port to `action`, and read on when it is done.

        `cancel` ends it once it has begun, and until it has ended: giving the port back is never cancelled. `stop` ends
        it at any time, also while it still waits for the port.

        Args:
            action: what to do.
            consented: the session waited for the user's consent to it; what fails closes the port.
        """
        self._cancelled.clear()
        self._lifecycle.fire(Trigger.CONSENT if consented else Trigger.LEASE)
        self._reporter.publish(replace(self._reporter.status, lease=action.name))
        began = asyncio.Event()
        self._acting = True
        self._task = asyncio.create_task(self._lease(action, began, consented), name=f"espmon-{action.name}")
        cancelling = asyncio.create_task(self._cancel_wanted(began))
        try:
            await asyncio.wait([self._task, cancelling], return_when=asyncio.FIRST_COMPLETED)
            if not self._task.done():
                if self._acting:
                    self._task.cancel()
                await asyncio.wait([self._task], timeout=CANCEL_SECONDS)
            if self._task.done() and not self._task.cancelled():
                self._task.result()
        finally:
            cancelling.cancel()
            self._task = None
            self._reporter.publish(replace(self._reporter.status, progress=None, lease=None))

    async def _cancel_wanted(self, began: asyncio.Event) -> None:
        await began.wait()
        await self._cancelled.wait()

    async def _lease(self, action: Action, began: asyncio.Event, consented: bool) -> None:
        lease = await self._link.borrow(action.name)
        began.set()
        try:
            try:
                pushback = await action.run(lease, self._reporter)
            finally:
                self._acting = False
        except PortError as error:
            self._link.forfeit(lease)
            await self._loss.lost(error)
        except ActionError as error:
            self._reporter.publish(replace(self._reporter.status, hint=error.hint))
            await self._failed(lease, consented, error.message, error.pushback)
        except asyncio.CancelledError:
            await self._failed(lease, consented, f"The {action.name} was cancelled", b"")
            raise
        else:
            self._link.give_back(lease, pushback)
            self._lifecycle.fire(Trigger.PROBE_DONE if consented else Trigger.RELEASE)

    async def _failed(self, lease: Lease, consented: bool, reason: str, pushback: bytes) -> None:
        if consented:
            self._link.forfeit(lease)
            await self._link.detach()
            self._lifecycle.fire(Trigger.PROBE_FAILED, reason)
        else:
            self._link.give_back(lease, pushback)
            self._lifecycle.fire(Trigger.RELEASE, reason)

    async def cancel(self) -> None:
        """End the running action; returns when it has brought the board back, or after `CANCEL_SECONDS`."""
        task = self._task
        self._cancelled.set()
        if task is not None:
            await asyncio.wait([task], timeout=CANCEL_SECONDS)

    async def stop(self) -> None:
        """End whatever runs."""
        await stop_tasks(self._task)
