"""What the operating system's refusals mean, and who holds a port."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from espmon.port import PortErrorKind, posix_opening
from espmon.port.posix_holders import Holder, holders


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOENT, PortErrorKind.MISSING),
        (errno.ENXIO, PortErrorKind.MISSING),
        (errno.ENODEV, PortErrorKind.MISSING),
        (errno.EACCES, PortErrorKind.PERMISSION),
        (errno.EBUSY, PortErrorKind.BUSY),
        (errno.ENOTTY, PortErrorKind.NOT_A_TTY),
        (errno.EIO, PortErrorKind.LOST),
        (errno.ENOMEM, PortErrorKind.OTHER),
    ],
)
def test_each_refusal_is_one_clear_line(code: int, kind: PortErrorKind) -> None:
    error = posix_opening.open_error("/dev/ttyUSB-none", OSError(code, os.strerror(code)))
    assert error.kind is kind
    assert "/dev/ttyUSB-none" in error.message
    assert "\n" not in str(error)


def test_permission_denied_says_which_group_to_join(tmp_path: Path) -> None:
    import grp

    group = next(row for row in grp.getgrall() if row.gr_gid != 0 and not row.gr_mem)
    device = tmp_path / "tty"
    device.touch()
    os.chown(device, -1, group.gr_gid) if os.getuid() == 0 else None
    device.chmod(0o660)
    hint = posix_opening.open_error(str(device), PermissionError(errno.EACCES, "Permission denied")).hint
    name = grp.getgrgid(device.stat().st_gid).gr_name
    assert f"usermod -aG {name}" in hint


def test_who_is_in_no_group_of_serial_ports_is_told_before_a_port_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    import grp

    known = {row.gr_name: row for row in grp.getgrall()}
    joined = next(known[name] for name in posix_opening.SERIAL_GROUPS if name in known)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    monkeypatch.setattr(os, "getegid", lambda: 12345)
    monkeypatch.setattr(os, "getgroups", lambda: [12345])
    assert f"sudo usermod -aG {joined.gr_name} 12345" in posix_opening.access_advice()
    monkeypatch.setattr(os, "getgroups", lambda: [joined.gr_gid])
    assert posix_opening.access_advice() == ""
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setattr(os, "getgroups", lambda: [0])
    assert posix_opening.access_advice() == ""


def test_permission_denied_to_all_but_root_says_which_udev_rule(tmp_path: Path) -> None:
    device = tmp_path / "tty"
    device.touch(0o600)
    hint = posix_opening.open_error(str(device), PermissionError(errno.EACCES, "Permission denied")).hint
    assert "udev" in hint
    assert "SUBSYSTEM" in hint


def fake_proc(folder: Path, device: Path) -> Path:
    """A /proc in which 11 has the device open, 12 has it locked, and 13 has nothing to do with it."""
    proc = folder / "proc"
    for pid, command in ((11, b"minicom\0-D\0/dev/ttyUSB0\0"), (12, b"flasher\x1b[2J\0"), (13, b"editor\0")):
        (proc / str(pid) / "fd").mkdir(parents=True)
        (proc / str(pid) / "cmdline").write_bytes(command)
    (proc / "11" / "fd" / "3").symlink_to(device)
    status = device.stat()
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    (proc / "locks").write_text(
        f"1: FLOCK  ADVISORY  WRITE 12 {place} 0 EOF\n1: -> FLOCK  ADVISORY  WRITE 13 {place} 0 EOF\n"
        "2: POSIX  ADVISORY  WRITE 13 00:01:99999999 0 EOF\nnonsense\n"
    )
    return proc


def test_holders_are_found_by_open_files_and_by_locks(tmp_path: Path) -> None:
    device = tmp_path / "ttyUSB0"
    device.touch()
    found = holders(str(device), proc=fake_proc(tmp_path, device), lock_folders=())
    assert found == (Holder(11, "minicom -D /dev/ttyUSB0"), Holder(12, "flasher?[2J"))
    assert str(found[0]) == "minicom -D /dev/ttyUSB0 (pid 11)"


def test_a_lock_file_of_a_living_process_counts(tmp_path: Path) -> None:
    device = tmp_path / "ttyUSB0"
    device.touch()
    (tmp_path / "LCK..ttyUSB0").write_text(f"{os.getpid():>10}\n")
    found = holders(str(device), proc=tmp_path / "no-proc", lock_folders=(str(tmp_path),))
    assert [holder.pid for holder in found] == [os.getpid()]
    (tmp_path / "LCK..ttyUSB0").write_text("no number")
    assert holders(str(device), proc=tmp_path / "no-proc", lock_folders=(str(tmp_path),)) == ()


def test_without_proc_the_user_learns_how_to_find_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posix_opening, "holders", lambda device: ())
    error = posix_opening.busy("/dev/cu.usbserial-1")
    assert error.kind is PortErrorKind.BUSY
    assert "lsof /dev/cu.usbserial-1" in error.hint


def test_the_usb_ids_of_a_tty_are_read_from_its_parents(tmp_path: Path) -> None:
    usb = tmp_path / "devices" / "usb1" / "1-1"
    interface = usb / "1-1:1.0"
    interface.mkdir(parents=True)
    (usb / "idVendor").write_text("303a\n")
    (usb / "idProduct").write_text("1001\n")
    (tmp_path / "class" / "ttyACM0").mkdir(parents=True)
    (tmp_path / "class" / "ttyACM0" / "device").symlink_to(interface)
    assert posix_opening._usb_of("/dev/ttyACM0", tmp_path / "class") == (0x303A, 0x1001)
    assert posix_opening._usb_of("/dev/ttyS9", tmp_path / "class") is None
