"""From addresses to functions and lines, on the project's own ELFs; what addr2line says of each instruction is the
truth.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from espmon.postmortem import Frame, PostmortemError, Symbolizer
from espmon.postmortem.demangle import demangle
from espmon.postmortem.source import map_path, source_excerpt
from tests.inputs import Dump

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "elf"
WITH_TRUTH = ["dwarf4", "dwarf5", "optimized", "optimized4", "names", "names4"]
Chain = list[tuple[str, str]]


def expected(name: str) -> dict[int, Chain]:
    chains: dict[int, Chain] = {}
    lines = (FIXTURES / f"{name}.expected.txt").read_text().splitlines()
    at = 0
    address = 0
    while at < len(lines):
        if re.fullmatch(r"0x[0-9a-f]{8}", lines[at]):
            address = int(lines[at], 16)
            chains[address] = []
            at += 1
        else:
            chains[address].append((lines[at], lines[at + 1].split(" (disc")[0]))
            at += 2
    return chains


def ours(frames: list[Frame]) -> Chain:
    return [(frame.function or "??", f"{frame.file}:{frame.line}") for frame in frames]


@pytest.mark.parametrize("name", WITH_TRUTH)
def test_every_instruction_has_the_chain_that_addr2line_gives(name: str) -> None:
    symbolizer = Symbolizer(FIXTURES / f"{name}.elf")
    wrong = {
        hex(address): (ours(symbolizer.lookup(address)), chain)
        for address, chain in expected(name).items()
        if not same(ours(symbolizer.lookup(address)), chain)
    }
    assert wrong == {}


def same(mine: Chain, theirs: Chain) -> bool:
    # addr2line calls an inlined lambda "operator()" or after the function around it.
    return len(mine) == len(theirs) and all(
        place == other and (name == truth or name.endswith("::operator()"))
        for (name, place), (truth, other) in zip(mine, theirs, strict=True)
    )


def test_inlined_frames_are_marked_and_the_outermost_is_not() -> None:
    symbolizer = Symbolizer(FIXTURES / "optimized.elf")
    chains = [symbolizer.lookup(address) for address in expected("optimized")]
    longest = max(chains, key=len)
    assert [frame.inlined for frame in longest] == [True] * (len(longest) - 1) + [False]
    assert len(longest) >= 3


def test_without_aranges_the_answers_are_the_same() -> None:
    with_table, without = Symbolizer(FIXTURES / "dwarf5.elf"), Symbolizer(FIXTURES / "no_aranges.elf")
    for address in expected("dwarf5"):
        assert without.lookup(address) == with_table.lookup(address)


def test_lines_without_variables_are_enough() -> None:
    symbolizer = Symbolizer(FIXTURES / "lines_only.elf")
    assert all(frame.file for address in expected("dwarf5") for frame in symbolizer.lookup(address))


def test_split_units_whose_details_are_missing_fall_back_to_symbols_and_lines() -> None:
    symbolizer = Symbolizer(FIXTURES / "split.elf")
    whole = Symbolizer(FIXTURES / "dwarf5.elf")
    for address in expected("dwarf5"):
        assert symbolizer.lookup(address)[-1].function == whole.lookup(address)[-1].function
    assert symbolizer.damage == []


def test_without_debug_information_the_symbol_table_names_the_function() -> None:
    symbolizer = Symbolizer(FIXTURES / "symtab_only.elf")
    whole = Symbolizer(FIXTURES / "dwarf5.elf")
    for address in expected("dwarf5"):
        assert symbolizer.lookup(address) == [Frame(whole.lookup(address)[-1].function, None, None)]


def test_a_stripped_elf_knows_nothing_and_says_nothing() -> None:
    symbolizer = Symbolizer(FIXTURES / "stripped.elf")
    assert {len(symbolizer.lookup(address)) for address in expected("dwarf5")} == {0}


def test_addresses_outside_the_code_are_not_code_and_have_no_frames() -> None:
    symbolizer = Symbolizer(FIXTURES / "dwarf5.elf")
    for address in (0, 0x3FC8_0000, 0x4200_FFFF, 0xFFFF_FFFF, 1 << 40):
        assert not symbolizer.is_code(address)
        assert symbolizer.lookup(address) == []


def test_a_caller_is_looked_up_before_its_return_address() -> None:
    symbolizer = Symbolizer(FIXTURES / "dwarf5.elf")
    # The call of main in _start: what follows it is another line.
    call = next(a for a, chain in expected("dwarf5").items() if chain[0] == ("_start", "/fixture/start.S:11"))
    assert ours(symbolizer.lookup_caller(call)) == [("_start", "/fixture/start.S:10")]


def test_several_elves_are_asked_in_order(tmp_path: Path) -> None:
    both = Symbolizer([FIXTURES / "symtab_only.elf", FIXTURES / "dwarf5.elf"])
    assert both.lookup(0x4200_0020)[0].file is None
    assert Symbolizer([FIXTURES / "dwarf5.elf", FIXTURES / "symtab_only.elf"]).lookup(0x4200_0020)[0].file is not None


def test_the_sha256_is_that_of_the_file() -> None:
    import hashlib

    assert (
        Symbolizer(FIXTURES / "dwarf5.elf").sha256 == hashlib.sha256((FIXTURES / "dwarf5.elf").read_bytes()).hexdigest()
    )


def test_threads_may_share_a_symbolizer() -> None:
    symbolizer = Symbolizer(FIXTURES / "optimized.elf")
    addresses = list(expected("optimized"))
    alone = {address: Symbolizer(FIXTURES / "optimized.elf").lookup(address) for address in addresses[::5]}
    found: list[dict[int, list[Frame]]] = []

    def look() -> None:
        found.append({address: symbolizer.lookup(address) for address in addresses[::5]})

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == [alone] * 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not an ELF file"),
        (b"#!/bin/sh\n", "not an ELF file"),
        (b"\x7fELF\x01\x02\x01" + bytes(60), "not a little-endian"),
        (b"\x7fELF\x01\x01\x01", "not a little-endian"),
        ((FIXTURES / "dwarf5.elf").read_bytes()[:9000], "section table at .* is cut short"),
    ],
)
def test_what_is_no_elf_is_refused_with_its_name(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "thing.elf"
    path.write_bytes(content)
    with pytest.raises(PostmortemError, match=f"thing.elf: .*{message}|thing.elf: {message}"):
        Symbolizer(path)


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(PostmortemError, match=r"nowhere\.elf: cannot be read \(No such file or directory\)"):
        Symbolizer("/nonexistent/nowhere.elf")


def test_random_addresses_of_real_elves_agree_with_llvm_symbolizer(dump: Dump) -> None:
    if not shutil.which("llvm-symbolizer"):
        pytest.skip("llvm-symbolizer is not installed")
    from tests.benchmarks.postmortem_symbols import compare, llvm_symbolizer, sample

    symbolizer = Symbolizer(dump.elf)
    addresses = sample(symbolizer, 300, seed=11)
    counts, examples = compare(symbolizer, addresses, llvm_symbolizer(symbolizer.elf.path, addresses)[0])
    # Names differ by aliases and compiler suffixes; llvm-symbolizer names object files as sources of assembly without
    # lines.
    assert counts["depth"] + counts["line"] == 0, examples
    assert counts["file"] <= 1, examples


def test_a_path_of_the_build_machine_is_mapped_by_its_longest_prefix() -> None:
    mapping = {"/builds": "/home/me", "/builds/idf/": "/opt/idf", "/build": "/wrong"}
    assert map_path("/builds/idf/main.c", mapping) == "/opt/idf/main.c"
    assert map_path("/builds/app/main.c", mapping) == "/home/me/app/main.c"
    assert map_path("/buildsX/main.c", mapping) == "/buildsX/main.c"
    assert map_path("/src/main.c", None) == "/src/main.c"


def test_the_lines_around_are_read_when_the_source_is_there(tmp_path: Path) -> None:
    (tmp_path / "main.c").write_bytes(b"one\r\ntwo\nthree\nfour\nfive\n")
    lines = source_excerpt("/builds/main.c", 3, {"/builds": str(tmp_path)}, context=1)
    assert [(line.number, line.text, line.current) for line in lines] == [
        (2, "two", False),
        (3, "three", True),
        (4, "four", False),
    ]
    assert source_excerpt("/builds/main.c", 99, {"/builds": str(tmp_path)}) == []
    assert source_excerpt("/builds/other.c", 1, {"/builds": str(tmp_path)}) == []
    assert source_excerpt(None, 1) == []


@pytest.mark.parametrize(
    ("mangled", "readable"),
    [
        ("_ZN5board4RingIiLi4EE4pushEi", "board::Ring<int, 4>::push(int)"),
        ("_ZNK5board6Sensor4readEv", "board::Sensor::read() const"),
        ("_Z4callIZ4mainEUliE_EiT_", "int call<main::{lambda(int)#1}>(main::{lambda(int)#1})"),
        ("_ZN10__cxxabiv111__terminateEPFvvE", "__cxxabiv1::__terminate(void (*)())"),
        ("_ZNSsC2EPKcjRKSaIcE", "std::basic_string<char, std::char_traits<char>, std::allocator<char> >::basic_string"
         "(char const*, unsigned int, std::allocator<char> const&)"),
        ("_ZTVN3app4TaskE", "vtable for app::Task"),
        ("_ZThn8_N3app4Task3runEv", "non-virtual thunk to app::Task::run()"),
        ("_Z7get_argPKc.isra.0", "get_arg(char const*) [clone .isra.0]"),
        ("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"),
        ("_ZN43_$LT$$u26$T$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE", "<&T as core::fmt::Debug>::fmt"),
        ("app_main", "app_main"),
        ("_Z", "_Z"),
        ("_ZN", "_ZN"),
        ("_ZNS_", "_ZNS_"),
        ("_Z1fIT_EvT_", "_Z1fIT_EvT_"),
        ("_Z" + "P" * 3000 + "i", "_Z" + "P" * 3000 + "i"),
        ("_Z1f" + "N" * 1000, "_Z1f" + "N" * 1000),
    ],
)  # fmt: skip
def test_mangled_names_become_readable_or_stay_as_they_are(mangled: str, readable: str) -> None:
    assert demangle(mangled) == readable


def test_looking_up_imports_no_heavy_library() -> None:
    code = "import sys, espmon.postmortem; print([m for m in ('elftools', 'textual', 'asyncio') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "[]"
