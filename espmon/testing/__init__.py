"""The fakes that this project's own tests use, for tests of what is built on it.

`LoaderPeer`: a chip in its ROM loader behind a socket: esp32-mock-bootloader, made strict, slow or damaged by
`Quirks`.
`MockChannel`: the same behind the shape that `espmon.rom` works on.
"""

from espmon.testing.loader_peer import LoaderPeer
from espmon.testing.mock_channel import LineSequence, MockChannel, WireLost
from espmon.testing.quirks import Fault, Operation, Quirks

__all__ = ["Fault", "LineSequence", "LoaderPeer", "MockChannel", "Operation", "Quirks", "WireLost"]
