"""A filter as it is typed: what the fields of the filter bar hold, what is saved under a name, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from espmon.records.print_filter import LEVELS as PRINTED
from espmon.tui.log.query import LEVELS, MAX_CONTEXT, LineFilter, QueryError, TextQuery, smart_case

JsonForm = dict[str, "str | bool | int | list[str]"]
"""A form in JSON."""


@dataclass(frozen=True, slots=True)
class FilterForm:
    """What stands in the fields.

    Args:
        levels: the ticked levels.
        include: text that lines must have.
        exclude: text that lines must not have.
        tags: `tag[:level]` entries as in idf.py monitor.
        span: from where to where: a place, or two with `..` between them; a boot alone is that boot.
        context: lines shown before and after each.
        regex: the two texts are regular expressions.
        boards: how the names of boards begin, where a log has lines of several; with `-` before it, all but those.
    """

    levels: frozenset[str] = frozenset(LEVELS)
    include: str = ""
    exclude: str = ""
    tags: str = ""
    span: str = ""
    context: int = 0
    regex: bool = False
    boards: str = ""

    def line_filter(self) -> LineFilter:
        """The filter, but for its span and its boards, which only the log knows. Raises QueryError."""
        return LineFilter(
            self.levels, self.tags.replace(",", " "), self._query(self.include), self._query(self.exclude),
            context=self.context,
        )  # fmt: skip

    def _query(self, text: str) -> TextQuery | None:
        return TextQuery(text, regex=self.regex, case=smart_case(text, regex=self.regex)) if text else None

    @property
    def print_filter(self) -> str:
        """The same for `--print-filter` and idf.py monitor, as far as that can say it: tags, and the least level."""
        if self.tags.strip() or self.levels == frozenset(LEVELS):
            return self.tags.strip()
        shown = [level for level in PRINTED if level in self.levels]
        return f"*:{shown[-1]}" if shown else "*:N"

    def to_json(self) -> JsonForm:
        """The form for a file; what is as it is without a filter is left out."""
        plain = FilterForm()
        found: JsonForm = {}
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if value != getattr(plain, name):
                found[name] = sorted(value) if isinstance(value, frozenset) else value
        return found

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> FilterForm:
        """The form in a file; raises QueryError for what is none."""
        form = cls()
        for name, value in data.items():
            if name == "levels" and isinstance(value, list) and set(value) <= set(LEVELS):
                form = replace(form, levels=frozenset(value))
            elif name == "include" and isinstance(value, str):
                form = replace(form, include=value)
            elif name == "exclude" and isinstance(value, str):
                form = replace(form, exclude=value)
            elif name == "tags" and isinstance(value, str):
                form = replace(form, tags=value)
            elif name == "span" and isinstance(value, str):
                form = replace(form, span=value)
            elif name == "boards" and isinstance(value, str):
                form = replace(form, boards=value)
            elif name == "context" and isinstance(value, int) and 0 <= value <= MAX_CONTEXT:
                form = replace(form, context=value)
            elif name == "regex" and isinstance(value, bool):
                form = replace(form, regex=value)
            else:
                raise QueryError(f"a filter has no {name} = {value!r}")
        return form
