"""What a search or a training has found so far, in a JSON file that is always whole."""

import json
from pathlib import Path
from typing import Any

from mmseg_deeplab.utils.atomic_files import write_whole


class Journal:
    """A dictionary on disk, bound to the settings it was made with.

    Args:
        path: The JSON file.
        settings: What the results depend on.
        restart: Remove what is there.

    Raises:
        ValueError: If there are results of other settings, or the file is no journal.
    """

    def __init__(
        self, path: Path, settings: dict[str, Any], *, restart: bool = False
    ) -> None:
        self.path = path
        # Through JSON, as what is read: tuples become lists.
        settings = json.loads(json.dumps(settings))
        self.content: dict[str, Any] = {}
        if restart:
            path.unlink(missing_ok=True)
        if path.is_file():
            self.content = self._read()
            check_same(path, self.content.get('settings', {}), settings)
        self.content['settings'] = settings

    def _read(self) -> dict[str, Any]:
        try:
            content = json.loads(self.path.read_text())
        except ValueError as error:
            raise ValueError(
                f'{self.path}: no JSON ({error}); remove it, or --restart'
            ) from error
        if not isinstance(content, dict):
            raise ValueError(f'{self.path}: no journal; remove it, or --restart')
        return content

    def write(self, **changes: Any) -> None:
        """Take changes in and write the file, whole or not at all."""
        self.content |= changes
        write_whole(json.dumps(self.content, indent=1).encode() + b'\n', self.path)


def check_same(path: Path, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Check that a file's results were made with the present settings.

    Raises:
        ValueError: If not, with what differs.
    """
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    if changed:
        then = {name: old.get(name) for name in changed}
        now = {name: new.get(name) for name in changed}
        raise ValueError(
            f'{path} was made with other settings: {_short(then)}, now {_short(now)}. '
            '--restart begins anew; another --work-dir keeps both'
        )


def _short(settings: dict[str, Any]) -> str:
    text = str(settings)
    return text if len(text) < 300 else text[:300] + '...'
