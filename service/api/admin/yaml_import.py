"""Conversion of a catalogue in YAML to JSON: plain values, no anchors, no tags, no dates, no repeated keys.

The values are built from the events of the parser, so that every fault has its line and JSON pointer, and so that a
document that has too many values, or takes too long, is given up at the event where it does.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import yaml

from consent.kernel.faults import pointer_to
from service.http.json_io import DEPTH_MAX

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The parser in C, twenty times as fast, where the installed PyYAML has it."""
STRING_TAG = "tag:yaml.org,2002:str"
CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"), False),
}
WHOLE = re.compile(r"[-+]?[0-9]+", re.ASCII)
NUMBER = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
"""Numbers as JSON writes them, and a few spellings more. Base 60 (`1:30`), octal (`010`), hexadecimal and `.inf` stay
text: YAML 1.1 reads them as numbers that nobody meant, and a long one in base 60 takes minutes to convert."""
NUMBER_LENGTH_MAX = 40
"""Characters of a plain number; a longer one stays text, which no member for a number accepts."""
CLOCK_EVERY = 256
"""Events between two readings of the clock, and between two pauses."""
PAUSE_SECONDS = 0.0002
"""Pause in which other threads run. Without it the interpreter changes threads every 5 ms, and a request on
SQLite changes them for each statement: others waited up to half a second."""


class YamlUnfit(ValueError):
    """The text is not YAML, or has no JSON equivalent: code, line (from 1) and JSON pointer of the first fault."""

    def __init__(self, code: str, line: int, pointer: str = "") -> None:
        super().__init__(code)
        self.code, self.line, self.pointer = code, line, pointer


class TooManyValues(ValueError):
    """The text has more values than the caller takes."""


def to_json(raw: bytes, values_max: int, deadline: float) -> bytes:
    """Return UTF-8 YAML as JSON bytes.

    Args:
        raw: the text, without a byte-order mark.
        values_max: scalars, lists and mappings together.
        deadline: monotonic time in seconds at which to give up.

    Raises:
        YamlUnfit: yaml_encoding, yaml_syntax, yaml_several, yaml_anchor, yaml_tag, yaml_key, yaml_number,
            yaml_repeated (a key) or yaml_deep.
        TooManyValues: more than `values_max`.
        TimeoutError: the deadline has passed.
    """
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise YamlUnfit("yaml_encoding", raw[: error.start].count(b"\n") + 1) from None
    if text.startswith("\ufeff"):
        raise YamlUnfit("yaml_encoding", 1)
    builder = _Builder()
    try:
        for number, event in enumerate(_events(text)):
            if number >= 2 * values_max:  # a list or mapping has two events
                raise TooManyValues
            if number % CLOCK_EVERY == 0:
                if time.monotonic() > deadline:
                    raise TimeoutError
                time.sleep(PAUSE_SECONDS)
            builder.add(event)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise YamlUnfit("yaml_syntax", 1 if mark is None else mark.line + 1, builder.pointer) from None
    return orjson.dumps(builder.document)


def _events(text: str) -> Iterator[Any]:
    events: Iterator[Any] = yaml.parse(text, Loader=LOADER)
    return events


@dataclass(slots=True)
class _Open:
    """A list or mapping that has not ended: its value, and the key whose value comes next."""

    value: Any
    key: str | None = None

    def is_at_key(self) -> bool:
        """Report whether the next node is a key."""
        return isinstance(self.value, dict) and self.key is None

    def add(self, value: Any) -> None:
        """Add the next complete value."""
        if self.key is None:
            self.value.append(value)
        else:
            self.value[self.key], self.key = value, None


@dataclass(slots=True)
class _Builder:
    """Builds one value from events. The stack has at most DEPTH_MAX levels, so nothing recurses."""

    document: Any = None
    documents: int = 0
    stack: list[_Open] = field(default_factory=list)

    @property
    def pointer(self) -> str:
        """The JSON pointer of the value that comes next, or of the mapping whose key comes next."""
        levels = (level for level in self.stack if not level.is_at_key())
        return pointer_to(len(level.value) if level.key is None else level.key for level in levels)

    def add(self, event: Any) -> None:
        """Add the next event of the parser.

        Raises:
            YamlUnfit: the event has no JSON equivalent.
        """
        line = event.start_mark.line + 1
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                raise YamlUnfit("yaml_several", line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._complete(self.stack.pop().value)
        elif isinstance(event, yaml.NodeEvent):
            self._check_node(event, line)
            if self.stack and self.stack[-1].is_at_key():
                self.stack[-1].key = self._key(event, line)
            elif isinstance(event, yaml.ScalarEvent):
                self._complete(self._scalar(event, line))
            else:
                self.stack.append(_Open({} if isinstance(event, yaml.MappingStartEvent) else []))

    def _complete(self, value: Any) -> None:
        if self.stack:
            self.stack[-1].add(value)
        else:
            self.document = value

    def _check_node(self, event: Any, line: int) -> None:
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            # A few lines of nested aliases expand to gigabytes.
            raise YamlUnfit("yaml_anchor", line, self.pointer)
        if event.tag not in (None, STRING_TAG):
            raise YamlUnfit("yaml_tag", line, self.pointer)
        if isinstance(event, yaml.CollectionStartEvent) and len(self.stack) >= DEPTH_MAX:
            raise YamlUnfit("yaml_deep", line, self.pointer)

    def _key(self, event: Any, line: int) -> str:
        key = self._scalar(event, line) if isinstance(event, yaml.ScalarEvent) else None
        if not isinstance(key, str):
            raise YamlUnfit("yaml_key", line, self.pointer)
        if key in self.stack[-1].value:
            raise YamlUnfit("yaml_repeated", line, self.pointer + pointer_to((key,)))
        return key

    def _scalar(self, event: Any, line: int) -> Any:
        text: str = event.value
        if event.style or event.tag == STRING_TAG:  # quoted, a block, or with the tag of text
            return text
        if text in CONSTANTS:
            return CONSTANTS[text]
        if len(text) > NUMBER_LENGTH_MAX or not NUMBER.fullmatch(text):
            return text
        whole = WHOLE.fullmatch(text) is not None
        number = int(text) if whole else float(text)
        if (abs(number) >= 2**63) if whole else not math.isfinite(number):
            raise YamlUnfit("yaml_number", line, self.pointer)
        return number
