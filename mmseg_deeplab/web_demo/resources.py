"""The files of the page that are not Python."""

from importlib.resources import files


def read_resource(name: str) -> str:
    """Return the text of a file beside this one.

    Args:
        name: Of the file.
    """
    return (files(__package__) / name).read_text(encoding='utf-8')
