"""The pages of the documentation: their code blocks, and the commands in them.

The convention is in CONTRIBUTING.md: ``bash`` blocks hold commands, ``python`` blocks
code or a config, ``text`` blocks all else; ``title="PATH"`` names a file that the
reader writes.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    ROOT / 'README.md',
    ROOT / 'CONTRIBUTING.md',
    *sorted((ROOT / 'docs').rglob('*.md')),
]
PARSER = MarkdownIt('commonmark').enable('table')
LANGUAGES = ('bash', 'python', 'text')
ASSIGNMENT = re.compile(r'[A-Z_]+=')


@dataclass(frozen=True)
class Block:
    """One fenced block: ``page`` relative to the root, ``line`` from 1."""

    page: str
    line: int
    language: str
    title: str
    text: str

    def __str__(self) -> str:
        return f'{self.page}:{self.line}'


def read_blocks(path: Path) -> list[Block]:
    """Return the code blocks of a page; indented ones have no language."""
    return [
        Block(
            page=path.relative_to(ROOT).as_posix(),
            line=token.map[0] + 1,
            language=token.info.split(' ')[0] if token.type == 'fence' else '',
            title=''.join(re.findall(r'title="([^"]*)"', token.info)),
            text=token.content,
        )
        for token in PARSER.parse(path.read_text('utf-8'))
        if token.type in ('fence', 'code_block')
    ]


def all_blocks(*languages: str) -> list[Block]:
    """Return the blocks of all pages that are in one of the languages, or all."""
    blocks = [block for path in PAGES for block in read_blocks(path)]
    return [block for block in blocks if not languages or block.language in languages]


def inline_code() -> list[tuple[str, str]]:
    """Return page and content of each different piece of code within the text."""
    return sorted(
        {
            (path.relative_to(ROOT).as_posix(), child.content)
            for path in PAGES
            for token in PARSER.parse(path.read_text('utf-8'))
            for child in token.children or []
            if child.type == 'code_inline'
        }
    )


def commands(text: str) -> list[str]:
    """Return the commands of a ``bash`` block, one line each, without comments."""
    found: list[str] = []
    for line in text.replace('\\\n', ' ').splitlines():
        if ASSIGNMENT.match(line):
            found.append(line)
            continue
        words = shlex.shlex(line, posix=False, punctuation_chars='&;|<>')
        words.whitespace_split, words.commenters = True, '#'
        command: list[str] = []
        for word in [*words, ';']:
            if word not in ('&&', ';'):
                command.append(word)
            elif command:
                found.append(' '.join(command))
                command = []
    return found
