"""Telemetry where a session asks for it and the extra is installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from espmon.session.clock import SessionClock
from espmon.session.pipeline import Pipeline
from espmon.session.port_link import Link
from espmon.session.publisher import Publisher
from espmon.session.settings import Settings
from espmon.session.status import Severity

if TYPE_CHECKING:
    from espmon.session.telemetry.telemetry import Telemetry

NEEDS = "OpenTelemetry needs the extra: pip install 'espmon[otlp]'"


def installed() -> bool:
    """Whether the extra is there."""
    return find_spec("opentelemetry") is not None and find_spec("opentelemetry.exporter") is not None


def telemetry_of(
    settings: Settings, clock: SessionClock, pipeline: Pipeline, link: Link, publisher: Publisher
) -> Telemetry | None:
    """Begin to send what a session sees, where its settings wish that; None where they do not, or, told, it cannot be.

    Args:
        settings: what is wished, and the user's rules for secrets.
        clock: the session's time.
        pipeline: where lines come from.
        link: counts the bytes.
        publisher: tells of events and of the status, and tells the user.
    """
    if not settings.otlp:
        return None
    if not installed():
        publisher.notify(NEEDS, Severity.WARNING)
        return None
    from espmon.session.archive.blanking import SecretsError
    from espmon.session.telemetry.telemetry import Telemetry

    try:
        return Telemetry(settings, clock, pipeline, link, publisher)
    except SecretsError as error:
        publisher.notify(f"OpenTelemetry: nothing is sent: {error}", Severity.WARNING)
        return None


async def end_telemetry(telemetry: Telemetry | None) -> None:
    """Send what waits, where anything is sent at all; bounded."""
    if telemetry is not None:
        await telemetry.close()
