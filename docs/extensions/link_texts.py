"""Links between pages have the pages' names.

On GitHub ``[recipes.md](recipes.md)`` names the file; on the site that is the name
which the menu gives to the page.
"""

import re
from collections.abc import Iterator

from mkdocs.config.defaults import MkDocsConfig

LINK = re.compile(r'\[(?:docs/)?([\w/]+\.md)\]\(((?:\.\./)*)([\w/]+\.md)(#[^)]*)?\)')


def names(nav: list | dict | str, title: str = '') -> Iterator[tuple[str, str]]:
    """Yield path and name of each page of the menu.

    Args:
        nav: The menu, or a part of it.
        title: What the menu above calls this part.
    """
    if isinstance(nav, str):
        yield nav, title or nav
    elif isinstance(nav, dict):
        for name, part in nav.items():
            yield from names(part, name)
    else:
        for part in nav:
            yield from names(part)


def on_page_markdown(markdown: str, *, config: MkDocsConfig, **_: object) -> str:
    """Put the names of pages in the place of their files' names."""
    known = dict(names(config.nav))

    def rewrite(match: re.Match) -> str:
        if match[1] != match[3] or match[3] not in known:
            return match[0]
        return f'[{known[match[3]]}]({match[2]}{match[3]}{match[4] or ""})'

    return LINK.sub(rewrite, markdown)
