from __future__ import annotations

import pytest

from espmon.records.events import BootEvents
from tests.records.events.harness import boots, fixture, views

FULL = """\
ESP-ROM:esp32s3-20210327
Build:Mar 27 2021
rst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)
entry 0x403c98d0
I (24) boot: ESP-IDF v5.2 2nd stage bootloader
I (25) boot: chip revision: v0.2
I (29) boot.esp32s3: SPI Mode       : DIO
I (200) app_init: Application information:
I (201) app_init: Project name:     lamp
I (202) app_init: App version:      1.4.0
I (203) app_init: Compile time:     Jan  1 2025 10:00:00
I (204) app_init: ELF file SHA256:  0123456789abcdef...
I (205) app_init: ESP-IDF:          v5.2.1
I (300) main_task: Calling app_main()
"""


def test_a_boot_tells_chip_versions_and_elf() -> None:
    (boot,) = boots(FULL)
    assert (boot.chip, boot.chip_revision, boot.bootloader_version) == ("esp32s3", "v0.2", "v5.2")
    assert (boot.app, boot.app_version, boot.idf_version) == ("lamp", "1.4.0", "v5.2.1")
    assert boot.elf_sha256 == "0123456789abcdef"
    assert boot.framework == "esp-idf"
    assert boot.hint is None


def test_a_boot_is_reported_with_the_line_that_completes_it() -> None:
    recognizer = BootEvents()
    reported = [view.text for _, view in views(FULL.encode()) for _ in recognizer.line(view)]
    assert reported == ["I (205) app_init: ESP-IDF:          v5.2.1"]
    assert not recognizer.attentive


def test_a_boot_seen_from_its_middle_on_is_reported() -> None:
    (boot,) = boots(FULL[FULL.index("I (201)") :])
    assert (boot.app, boot.chip) == ("lamp", None)


def test_a_boot_that_pauses_keeps_what_it_told_before() -> None:
    recognizer = BootEvents()
    for _, view in views(FULL[: FULL.index("I (200)")].encode()):
        list(recognizer.line(view))
    assert [event.to_json()["app"] for event in recognizer.end()] == [None]
    found = [
        event.to_json()
        for raw, view in views(FULL[FULL.index("I (201)") :].encode())
        if recognizer.attentive or any(needle in raw for needle in recognizer.needles)
        for event in recognizer.line(view)
    ]
    assert [(boot["app"], boot["chip"], boot["bootloader_version"]) for boot in found] == [("lamp", "esp32s3", "v5.2")]


def test_each_boot_is_one_event() -> None:
    assert [boot.app for boot in boots(FULL * 3)] == ["lamp"] * 3


def test_each_boot_of_a_loop_knows_its_chip() -> None:
    start = "ESP-ROM:esp32s3-20210327\nrst:0xc (RTC_SW_CPU_RST),boot:0xa (X)\nentry 0x403b61d8\n"
    assert [boot.chip for boot in boots(start * 3)] == ["esp32s3"] * 3


def test_a_silent_bootloader_still_gives_the_chip() -> None:
    (boot,) = boots(
        "ets Jul 29 2019 12:21:46\n\nrst:0x1 (POWERON_RESET),boot:0x13 (X)\nconfigsip: 0, SPIWP:0xee\nentry 0x4\nhi\n"
    )
    assert (boot.chip, boot.app) == ("esp32", None)


def test_a_second_stage_that_gives_up_says_why() -> None:
    wrong_chip, wrong_revision = boots(fixture("second_stage_failures"))
    assert wrong_chip.hint == "the image is built for another chip (expected chip id 9, found 5)"
    (mcuboot,) = boots(
        "[esp32] [INF] *** Booting MCUboot build v1.9.0 ***\n[esp32] [ERR] [boot_comm] This chip is revision 1 but the "
        "application is configured for minimum revision 3. Can't run.\n"
    )
    assert mcuboot.hint == wrong_revision.hint
    assert wrong_revision.hint == "the image needs another chip revision than this one"


def test_a_damaged_slot_beside_a_good_one_is_a_remark_on_one_boot() -> None:
    failed = (
        "E (150) esp_image: Checksum failed. Calculated 0x9 read 0xf\nE (155) boot: OTA app partition not bootable\n"
    )
    (boot,) = boots(FULL.replace("I (200)", f"{failed}I (200)"))
    assert (boot.app, boot.chip, boot.elf_sha256) == ("lamp", "esp32s3", "0123456789abcdef")
    assert (boot.hint or "").startswith("the image in flash does not match its own checksum")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("E (82) esp_image: Image length 1837344 doesn't fit in partition length 1835008", "larger than its partition"),
        (
            "E (82) secure_boot_v2: Sig block 0 invalid: Image digest does not match",
            "secure boot refused the application",
        ),
    ],
)
def test_the_first_failure_is_the_reason_why_nothing_starts(line: str, words: str) -> None:
    (boot,) = boots(
        f"I (24) boot: ESP-IDF v5.2 2nd stage bootloader\n{line}\nE (92) boot: Factory app partition is not bootable\n"
        "E (99) boot: No bootable app partitions in the partition table\n"
    )
    assert words in (boot.hint or "")


def test_a_boot_that_gave_up_is_reported_at_once() -> None:
    recognizer = BootEvents()
    text = "I (24) boot: ESP-IDF v5.2 2nd stage bootloader\nE (99) boot: No bootable app partitions in the table\n"
    assert [view.text[:6] for _, view in views(text.encode()) for _ in recognizer.line(view)] == ["E (99)"]


def test_an_image_without_a_digest_that_the_rom_starts_anyway_is_no_failure() -> None:
    (boot,) = boots(
        "ESP-ROM:esp32s3-20210327\nrst:0x1 (POWERON),boot:0x8 (X)\nSHA-256 comparison failed:\nCalculated: 7ba4\n"
        "Expected: 0000\nAttempting to boot anyway...\nentry 0x403b61d8\n*** Booting NuttX ***\n"
    )
    assert (boot.chip, boot.framework, boot.hint) == ("esp32s3", "nuttx", None)


def test_download_mode_is_no_boot() -> None:
    assert boots("rst:0x1 (POWERON),boot:0x0 (DOWNLOAD(USB/UART0))\nwaiting for download\n") == []
    assert boots("rst:0x1 (POWERON),boot:0x0 (USB_BOOT)\nwait usb download\n") == []


def test_a_start_that_the_rom_refuses_is_no_boot() -> None:
    assert boots("rst:0x7 (TG0WDT_SYS_RST),boot:0x8 (X)\ninvalid header: 0xffffffff\n" * 5) == []


def test_a_start_that_the_rom_of_the_esp8266_refuses_after_it_loaded_the_image_is_no_boot() -> None:
    assert boots(" ets Jan  8 2013,rst cause:2, boot mode:(3,6)\n\nload 0x4010f000, len 3584\ncsum err\n") == []


def test_the_sha_that_a_panic_prints_is_no_boot() -> None:
    assert boots("ELF file SHA256: 0123456789abcdef\n\nRebooting...\n") == []


def test_zephyr_and_mcuboot() -> None:
    (boot,) = boots(
        "rst:0x1 (POWERON_RESET),boot:0x13 (X)\n*** Booting MCUboot build v2.1.0 ***\n"
        "[esp32] [INF] Image index: 0, Swap type: none\n*** Booting Zephyr OS build v3.7.0 ***\n"
    )
    assert (boot.framework, boot.app, boot.app_version, boot.bootloader_version) == (
        "zephyr",
        "Zephyr",
        "v3.7.0",
        "v2.1.0",
    )


def test_mcuboot_without_a_version() -> None:
    (boot,) = boots(
        "rst:0x1 (POWERON),boot:0xc (X)\n[esp32c3] [INF] *** Booting MCUboot build  ***\n\nNuttShell (NSH)\n"
    )
    assert (boot.framework, boot.bootloader_version) == ("nuttx", None)


def test_a_simple_boot_of_zephyr_tells_chip_and_revision() -> None:
    (boot,) = boots(
        "ESP-ROM:esp32c3-api1-20210207\nrst:0x1 (POWERON),boot:0xc (X)\nentry 0x4\nI (soc_init): ESP Simple boot\n"
        "I (soc_init): chip revision: v0.4\n*** Booting Zephyr OS build v4.4.0 ***\n"
    )
    assert (boot.framework, boot.chip, boot.chip_revision, boot.app_version) == ("zephyr", "esp32c3", "v0.4", "v4.4.0")


def test_nuttx() -> None:
    (boot,) = boots(
        "ESP-ROM:esp32s3-20210327\nrst:0x1 (POWERON),boot:0x19 (X)\nentry 0x40374f6c\n*** Booting NuttX ***\n"
    )
    assert (boot.framework, boot.chip) == ("nuttx", "esp32s3")


def test_a_boot_without_an_end_does_not_listen_for_ever() -> None:
    recognizer = BootEvents()
    for _, view in views(FULL[: FULL.index("I (200)")].encode() + b"I (1) app: x\n" * 200):
        list(recognizer.line(view))
    assert not recognizer.attentive


def test_a_start_that_failed_is_told_with_and_without_its_header() -> None:
    first, second = boots(fixture("start_without_header"))
    assert "no valid application image lies at 0x10000" in (first.hint or "")
    assert (second.chip, second.bootloader_version) == ("esp32s3", "v5.2")
    assert "partition 3" in (second.hint or "")
