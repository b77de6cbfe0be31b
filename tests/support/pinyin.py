"""Write `benefits/publishing/pinyin.toml`: the pinyin of every Chinese word of the word list.

    python -m tests.support.pinyin

The table is made here and not in the service, because pypinyin's dictionaries take 55 MiB and 0.3 s in every process.
"""

from __future__ import annotations

from pathlib import Path

from benefits.publishing import word_list

TARGET = Path(word_list.__file__).with_name("pinyin.toml")
HEADING = "# The words of words.toml in pinyin without tones. Written by: python -m tests.support.pinyin\n\n"


def table() -> str:
    """Return the file's text."""
    # Imported here: only the process that makes the table needs the dictionaries.
    from pypinyin import lazy_pinyin

    lines = (f'"{word}" = "{" ".join(lazy_pinyin(word))}"\n' for word in sorted(set(word_list.chinese_words())))
    return HEADING + "".join(lines)


if __name__ == "__main__":
    TARGET.write_text(table(), encoding="utf-8")
