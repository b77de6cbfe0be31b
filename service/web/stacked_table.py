"""Tables that become stacked rows on a narrow screen: each cell gets its column's heading as `data-label`. Pure.

The style sheet shows that label in front of the value. `display: block` takes the roles of a table away from some
browsers' accessibility trees, so that they are written out here.
"""

from __future__ import annotations

import re

from markupsafe import Markup

TAG = re.compile(r"<(thead|tbody|tr|th|td)\b([^>]*)>")
"""An opening tag of a table's parts. Autoescaped attributes contain no `>`."""
HEAD = re.compile(r"<thead\b.*?</thead>", re.S)
HEADING = re.compile(r"<th\b[^>]*>(.*?)</th>", re.S)
COLUMNS = re.compile(r'\bcolspan="(\d+)"')
TAGS = re.compile(r"<[^>]*>")
EMPTY = re.compile(r"\s*</td>")
ROLES = {"thead": "rowgroup", "tbody": "rowgroup", "tr": "row"}


def with_labels(table: str) -> Markup:
    """Return a table's head and body with a role on each part and, on each cell of one column, its heading.

    Args:
        table: the markup between `<table>` and `</table>`, with one row of headings.

    A row's heading, a cell over several columns, an empty one and one that has a `data-label` get no label.
    """
    head = HEAD.search(table)
    headings = [TAGS.sub("", text).strip() for text in HEADING.findall(head[0])] if head else []
    column = 0

    def labelled(tag: re.Match[str]) -> str:
        nonlocal column
        name, attributes = tag[1], tag[2]
        if name in ROLES:
            column = 0
            return f'<{name}{attributes} role="{ROLES[name]}">'
        if head and tag.start() < head.end():
            return f'<{name}{attributes} role="columnheader">'
        spans = int(columns[1]) if (columns := COLUMNS.search(attributes)) else 1
        heading = headings[column] if spans == 1 and column < len(headings) else ""
        column += spans
        if name == "th":
            return f'<{name}{attributes} role="rowheader">'
        if not heading or "data-label" in attributes or EMPTY.match(table, tag.end()):
            return f'<{name}{attributes} role="cell">'
        return f'<{name}{attributes} role="cell" data-label="{heading}">'

    return Markup(TAG.sub(labelled, table))  # noqa: S704  # The markup comes from our templates, escaped there.
