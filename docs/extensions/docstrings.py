"""Docstrings as Markdown: what is reStructuredText in them is rewritten.

The docstrings follow the host's style: Google's sections, and in the text roles such as
``:func:`name```, links, double backticks and ``::`` before an example. Names become
links to the page that documents them, where there is one.
"""

import re
from collections.abc import Iterator

from griffe import Alias, Extension, GriffeLoader, Module, NameResolutionError, Object

ROLE = re.compile(r':(?:attr|class|data|func|meth|mod):`(~?)\.?([^`]+)`')
LINK = re.compile(r'`([^`<]+?)\s+<(https?:[^>]+)>`__?')
LITERAL = re.compile(r'``(.+?)``', re.DOTALL)
EXAMPLE = re.compile(r'^( *)(.*?)::$', re.MULTILINE)


class Docstrings(Extension):
    """Rewrites the docstrings of a package once it is loaded."""

    def on_package(self, *, pkg: Module, loader: GriffeLoader, **_: object) -> None:
        """Rewrite all docstrings.

        Args:
            pkg: The package with all its modules.
            loader: Unused.
        """
        for node in objects(pkg):
            if node.docstring:
                node.docstring.value = to_markdown(node.docstring.value, node)


def objects(node: Object) -> Iterator[Object]:
    """Yield an object and all below it, imported names excepted."""
    yield node
    for member in node.members.values():
        if not isinstance(member, Alias):
            yield from objects(member)


def to_markdown(text: str, scope: Object) -> str:
    """Rewrite one docstring.

    Args:
        text: The docstring.
        scope: Its object, in which the names in roles are looked up.
    """
    text = LINK.sub(lambda m: f'[{" ".join(m[1].split())}]({m[2]})', text)
    text = ROLE.sub(lambda match: reference(match, scope), text)
    text = LITERAL.sub(r'`\1`', text)
    return EXAMPLE.sub(lambda m: f'{m[1]}{m[2]}:' if m[2] else '', text)


def reference(match: re.Match, scope: Object) -> str:
    """Return a link to what a role names, or its name alone where no page has it."""
    name = match[2]
    label = name.rsplit('.', 1)[-1] if match[1] else name
    target = full_path(name, scope)
    return f'<autoref identifier="{target}" optional><code>{label}</code></autoref>'


def full_path(name: str, scope: Object) -> str:
    """Return the path that a name has in the scope of an object.

    Args:
        name: As a role has it: of this class, of this module, or a full path.
        scope: Where the role stands.
    """
    first, *rest = name.split('.')
    try:
        return '.'.join([scope.resolve(first), *rest])
    except NameResolutionError:
        return name
