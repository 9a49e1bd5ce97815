"""Where bittty 0.3 is not what xterm is, as vttest and full-screen programs show it.

ECH and ICH leave blanks with every attribute that is on (underlined, reversed) and DCH blanks with none, where there
should be the background alone. TBC clears a tab stop whatever its parameter is; it is 0 for one and 3 for all.
The alternate screen still has what was on it when it was left; it is empty at each entry (1049).
A VT100 has the British set (a pound sign) without its mode of national sets, too.
CPR tells the row of the screen also in origin mode, where it counts from the scroll region's first.
"""

from __future__ import annotations

from bittty import Board
from bittty.style import Style

BRITISH = "A"


def fix(board: Board) -> None:
    """Change the operations of `board`."""
    _erase_with_background(board)
    blitter, cursor = board.blitter, board.cursor
    clear_tab_stop = cursor.clear_tab_stop

    def clear_known_tab_stop(mode: int) -> None:
        if mode in (0, 3):
            clear_tab_stop(mode)

    def report_cursor_position(_operation: object) -> None:
        top = blitter.scroll_top if board.modes.origin_mode else 0
        board.host.write(f"\x1b[{cursor.y - top + 1};{cursor.display_x + 1}R", flush=True)

    switch_screen, style = blitter.switch_screen, board.style

    def switch_to_empty_screen(alternate: bool) -> None:
        entered = alternate and not blitter.in_alt_screen
        switch_screen(alternate)
        if entered:
            kept, style.current = style.current, Style()
            try:
                blitter.clear_screen(2)
            finally:
                style.current = kept

    charset = board.charset
    designate = charset.designate
    sets = (charset.set_g0_charset, charset.set_g1_charset, charset.set_g2_charset, charset.set_g3_charset)

    def designate_known(index: int, designator: str) -> None:
        if designator == BRITISH:
            sets[index](designator)
        else:
            designate(index, designator)

    charset.designate = designate_known
    blitter.switch_screen = switch_to_empty_screen
    cursor.clear_tab_stop = clear_known_tab_stop
    board.registry["CPR"] = report_cursor_position


def _erase_with_background(board: Board) -> None:
    blitter, style = board.blitter, board.style
    erase, insert, delete = blitter.erase_characters, blitter.insert_characters, blitter.delete_characters

    def background() -> Style:
        return Style(bg=style.current.bg)

    def erase_characters(count: int) -> None:
        kept = style.current
        style.current = background()
        try:
            erase(count)
        finally:
            style.current = kept

    def insert_characters(count: int, _style: Style | str = "") -> None:
        insert(count, background())

    def delete_characters(count: int) -> None:
        cursor = board.cursor
        delete(count)
        inside = blitter.left_margin <= cursor.x <= blitter.right_margin
        if style.current.bg is None or not inside or not blitter.scroll_top <= cursor.y <= blitter.scroll_bottom:
            return
        blank, right = background(), blitter.right_margin
        for column in range(max(cursor.x, right + 1 - count), right + 1):
            blitter.current_page.set_cell(column, cursor.y, " ", blank)

    blitter.erase_characters = erase_characters
    blitter.insert_characters = insert_characters
    blitter.delete_characters = delete_characters
