"""What is taken out of an export: values, not the words around them, and always the same name for the same value."""

from __future__ import annotations

import pytest

from espmon.session.archive.blanking import Secrets, SecretsError


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("I (7) wifi: password: hunter2222", "hunter2222"),
        ('{"psk":"correcthorse"}', "correcthorse"),
        ("wifi_init_softap finished. SSID:My Home Net password:geheim123 channel:1", "geheim123"),
        ("wifi_init_softap finished. SSID:My Home Net password:geheim123 channel:1", "My Home Net"),
        ("I (1) wifi:connected with Cafe Central, aid = 1, channel 6", "Cafe Central"),
        ("I (9) main: connected to 10.1.2.3.", "10.1.2.3"),
        ("connect to ap SSID:office-5G", "office-5G"),
        ("sta mac 7c:df:a1:00:11:22 up", "7c:df:a1:00:11:22"),
        ("I (9) esp_netif_handlers: sta ip: 192.168.4.23, mask: 255.255.255.0", "192.168.4.23"),
        ("got ip6 fe80::7edf:a1ff:fe00:1122 there", "fe80::7edf:a1ff:fe00:1122"),
        ("mqtt://bob:s3cr3t@broker.example", "bob:s3cr3t"),
        ("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdefgh", "eyJhbGciOiJIUzI1NiJ9"),
        ("api_key=0123456789abcdef", "0123456789abcdef"),
        ("wifi: connect to ap SSID:home password:correct horse battery", "horse battery"),
        ('{"ssid":"a b","password":"p w d","n":1}', "w d"),
        ("wifi: ssid=[Home Net] psk=[secret word] channel: 3", "word"),
        ("wifi: ssid 'home' pw hunter2222 channel 3", "hunter2222"),
        ("aes: key: 00 11 22 33 44 55 66 77 88 99 aa bb cc dd ee ff", "00 11 22"),
        ("nvs_key=000102030405060708090a0b0c0d0e0f", "0001020304"),
        ("secret_key: abcdef", "abcdef"),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ('AT+CWJAP="HomeNet","hunter22"', "hunter22"),
        ("esp> join HomeNet hunter22", "HomeNet"),
        ("example_connect: Connecting to HomeNet...", "HomeNet"),
        ("Base MAC: 7cdfa1001122", "7cdfa1001122"),
    ],
)
def test_a_secret_is_taken_out_and_the_line_stays_as_long(line: str, secret: str) -> None:
    secrets = Secrets()
    kept = secrets.blank(line)
    assert secret not in kept
    assert len(kept) == len(line)
    assert kept.split(" ")[0][:3] == line.split(" ")[0][:3]
    assert secrets.found


@pytest.mark.parametrize(
    "line",
    [
        "I (1234) wifi: state: run -> init (0x0)",
        "rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)",
        "Backtrace: 0x400d1231:0x3ffb0000 0x400d5675:0x3ffb0020",
        "12:34:56.789 -> I (1) main: 10 tokens left",
        "I (300) cpu_start: App version:      v1.2.3-4-gabcdef",
        "I (1) tokenizer: token count 5, key count: 12",
        "PC      : 0x400d1234  PS      : 0x00060030  A0      : 0x800d5678  A1      : 0x3ffb0000",
    ],
)
def test_what_is_no_secret_stays(line: str) -> None:
    assert Secrets().blank(line) == line


def test_the_same_value_has_the_same_name() -> None:
    secrets = Secrets()
    lines = [secrets.blank(f"mac {mac}") for mac in ("aa:bb:cc:00:11:22", "aa:bb:cc:00:11:33", "aa:bb:cc:00:11:22")]
    assert lines[0] == lines[2] != lines[1]
    assert secrets.to_json() == [
        {"kind": "mac", "name": "<mac-1>", "count": 2},
        {"kind": "mac", "name": "<mac-2>", "count": 1},
    ]


def test_what_was_taken_out_once_stays_as_it_is() -> None:
    lines = ["ssid 'lab126-k2' pw 12345678901234567890", "got ip 192.168.100.100", "for customer Miller: ok"]
    once = [Secrets({"customer": r"customer \w+"}).blank(line) for line in lines]
    again = Secrets({"customer": r"customer \w+"})
    assert [again.blank(line) for line in once] == once
    assert again.found == []
    assert Secrets().blank("SSID: office-2") == "SSID: <ssid-1>"


def test_colours_are_no_part_of_a_value() -> None:
    assert (
        Secrets().blank("\x1b[0;32mI wifi: SSID: office-5G\x1b[0m\r\n")
        == "\x1b[0;32mI wifi: SSID: <ssid-1>*\x1b[0m\r\n"
    )


def test_a_key_over_several_lines_is_taken_out() -> None:
    secrets = Secrets()
    pem = [
        "-----BEGIN RSA PRIVATE KEY-----\n",
        "MIIEowIBAAKCAQEA\n",
        "abcdef==\n",
        "-----END RSA PRIVATE KEY-----\n",
        "I on\n",
    ]
    kept = [secrets.blank_line(line) for line in pem]
    assert "MIIE" not in "".join(kept)
    assert [len(line) for line in kept] == [len(line) for line in pem]
    assert kept[-1] == "I on\n"


def test_rules_of_the_users_own_count_too() -> None:
    secrets = Secrets({"customer": r"customer \w+"})
    assert secrets.blank("for customer Miller: ok") == "for <customer-1>***: ok"
    with pytest.raises(SecretsError, match="customer"):
        Secrets({"customer": "("})


def test_names_of_json_fields_say_what_their_values_are() -> None:
    kept = Secrets().blank_json({"password": "hunter22", "mac": ["aa:bb:cc:00:11:22"], "n": 5})
    assert kept == {"password": "********", "mac": ["<mac-1>**********"], "n": 5}
