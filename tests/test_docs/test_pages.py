"""The pages keep the convention of CONTRIBUTING.md, and their links lead somewhere."""

import functools
import re
from itertools import pairwise

import pytest
from doc_pages import LANGUAGES, PAGES, ROOT, all_blocks, inline_code
from markdown_it import MarkdownIt
from pymdownx.slugs import slugify

SLUG = slugify(case='lower')
LINKS = {'image': 'src', 'link_open': 'href'}


def name(path) -> str:
    return path.relative_to(ROOT).as_posix()


def targets(path) -> list[str]:
    """Return where the links and images of a page lead, other hosts left out."""
    tokens = MarkdownIt('commonmark').enable('table').parse(path.read_text('utf-8'))
    inline = [child for token in tokens for child in token.children or []]
    found = [t.attrs[LINKS[t.type]] for t in inline if t.type in LINKS]
    return [target for target in found if not re.match(r'[a-z]+:', target)]


@functools.cache
def anchors(path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    tokens = MarkdownIt('commonmark').parse(path.read_text('utf-8'))
    headings = [
        ''.join(child.content for child in token.children)
        for before, token in pairwise(tokens)
        if before.type == 'heading_open'
    ]
    return {SLUG(heading, '-') for heading in headings}


@pytest.mark.parametrize('path', PAGES, ids=name)
def test_links_and_images_exist(path):
    for target in targets(path):
        file, _, anchor = target.partition('#')
        found = path.parent / file if file else path
        assert found.exists(), target
        if anchor:
            assert anchor in anchors(found), target


@pytest.mark.parametrize('block', all_blocks(), ids=str)
def test_blocks_say_what_they_hold(block):
    assert block.language in LANGUAGES, (
        f'{block}: {block.language!r}; commands are ```bash, code is ```python, '
        'anything else is ```text, nothing is indented'
    )


FILE = r'(?<![\w/])(?:configs|docs|mmseg_deeplab|requirements|tests|tools)/[\w/]+\.\w+'
FILES = sorted({(p, f) for p, code in inline_code() for f in re.findall(FILE, code)})


@pytest.mark.parametrize(('page', 'file'), FILES)
def test_files_named_in_the_text_exist(page, file):
    assert (ROOT / file).is_file() or re.search('[A-Z]{4}', file)
