"""Pages for files outside of ``docs`` that the pages link to.

On GitHub ``../configs/NAME.py`` is the file itself. For the site each such file becomes
a page that shows it, so that no link leaves the site or breaks.
"""

import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r'(\]\()(\.\./[^)#\s]+)(#[^)\s]*)?(\))')
LANGUAGES = {'.py': 'python', '.sh': 'bash', '.txt': 'text', '.md': 'markdown'}


def outside_files(text: str, page: str) -> dict[str, str]:
    """Return the links of a page that leave ``docs``, and the files they lead to.

    Args:
        text: Markdown.
        page: Path of the page below ``docs``.

    Returns:
        Link as written: path below the root of the project.
    """
    found = {}
    for match in LINK.finditer(text):
        target = (ROOT / 'docs' / page).parent.joinpath(match[2]).resolve()
        if ROOT / 'docs' not in target.parents and target.is_file():
            found[match[2]] = target.relative_to(ROOT).as_posix()
    return found


def page_of(source: str) -> str:
    """Return the page, below ``docs``, that shows a file of the project."""
    return f'source/{source}.md'


def source_page(source: str) -> str:
    """Return the text of the page that shows a file of the project."""
    path = ROOT / source
    language = LANGUAGES.get(path.suffix, 'text')
    text = path.read_text(encoding='utf-8').rstrip()
    return (
        f'---\nsearch:\n  exclude: true\n---\n\n# {source}\n\n'
        f'````{language}\n{text}\n````\n'
    )


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add a page for each file outside of ``docs`` that is linked to."""
    pages = [file for file in files if file.is_documentation_page()]
    sources = set()
    for page in pages:
        sources.update(outside_files(page.content_string, page.src_uri).values())
    for source in sorted(sources):
        files.append(
            File.generated(config, page_of(source), content=source_page(source))
        )
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Let the links that leave ``docs`` lead to the pages that show the files."""
    found = outside_files(markdown, page.file.src_uri)
    up = '../' * (len(PurePosixPath(page.file.src_uri).parts) - 1)

    def rewrite(match: re.Match) -> str:
        source = found.get(match[2])
        return f'{match[1]}{up}{page_of(source)}{match[4]}' if source else match[0]

    return LINK.sub(rewrite, markdown)
