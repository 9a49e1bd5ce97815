"""The one place that asks which operating system this is."""

from __future__ import annotations

import sys

if sys.platform == "win32":
    from espmon.port import windows_listener as listener
    from espmon.port import windows_opening as system
    from espmon.port import windows_sharing as sharing
    from espmon.port import windows_viewer as viewer
else:
    from espmon.port import posix_listener as listener
    from espmon.port import posix_opening as system
    from espmon.port import posix_sharing as sharing
    from espmon.port import posix_viewer as viewer

open_local = system.open_local
stable_names = system.stable_names
access_advice = system.access_advice
usable = system.usable
exists = system.exists
device_stamp = system.device_stamp
lock_file = system.lock_file
holders = system.holders
try_lock = system.try_lock
PrivateListener = listener.PrivateListener
listen_privately = listener.listen_privately
NOT_HERE = sharing.NOT_HERE
shared_address = sharing.shared_address
listen_shared = sharing.listen_shared
shared_there = sharing.there
connect_shared = sharing.connect_shared
view_file = viewer.view_file
