"""Registers this package with MMSegmentation, without importing either of them.

When a package of :data:`FOLLOWERS` has been imported, by a registry at its first
look-up or by anyone else, the layer that extends it is imported, too. So ``import
mmseg_deeplab`` costs nothing, and a prediction does not wait for the data sets.
"""

import gc
import os
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.machinery import ModuleSpec
from itertools import dropwhile, islice
from types import ModuleType
from typing import Any, TextIO

FOLLOWERS = {
    'torch': (),  # nothing follows, but `quiet_import` makes it faster
    # Its loaders refuse files that would run code, and it reads files at addresses.
    'mmengine.fileio': ('utils.safe_file_handlers', 'utils.remote_files'),
    'mmengine.runner': ('checkpoints',),
    'mmseg.models': ('models',),
    'mmseg.datasets': ('datasets',),
    'mmseg.evaluation': ('evaluation',),
    'mmseg.engine': ('engine',),
    'mmseg.visualization': ('engine',),  # backends of the log
}
# Printed by each import of MMSegmentation's data sets, about a service of its makers.
NOTE = 'Could not import OneDL'


class FollowingFinder:
    """An entry of ``sys.meta_path`` that adds :func:`follow` to imports.

    The entries after it find the modules. Where one package of :data:`FOLLOWERS`
    imports another one, both are followed at the end of the outer one, when they are
    whole.
    """

    def __init__(self) -> None:
        self._of_thread = threading.local()

    def find_spec(self, name: str, *places: Any) -> ModuleSpec | None:
        """Find a package of :data:`FOLLOWERS` by the entries after this one.

        Those before it have not found it. One after it may be of an earlier import.
        """
        if name not in FOLLOWERS:
            return None
        others = dropwhile(lambda finder: finder is not self, sys.meta_path)
        specs = (finder.find_spec(name, *places) for finder in islice(others, 1, None))
        spec = next(filter(None, specs), None)
        if spec is not None:
            spec.loader.exec_module = partial(self._execute, spec.loader.exec_module)
        return spec

    def _execute(
        self, execute: Callable[[ModuleType], None], module: ModuleType
    ) -> None:
        outer = getattr(self._of_thread, 'names', None)
        if outer is not None:
            outer.append(module.__name__)
            execute(module)
            return
        names = self._of_thread.names = [module.__name__]
        try:
            with quiet_import():
                execute(module)
        finally:
            self._of_thread.names = None
        for name in names:
            follow(name)


class StreamWithoutNote:
    """A text stream without :data:`NOTE`; all else goes through at once.

    What is imported may keep it, as defaults of mmengine's progress bars do.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._follows_note = False

    def write(self, text: str) -> int:
        """Write a text; ``print`` writes the end of a line by itself."""
        is_end = self._follows_note and text == '\n'
        self._follows_note = text == NOTE
        return len(text) if is_end or self._follows_note else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def quiet_import() -> Iterator[None]:
    """Leave :data:`NOTE` out of what the block prints, and look for no garbage in it.

    Nothing of what an import makes is garbage, and looking takes a tenth of the time.
    """
    collects, quiet = gc.isenabled(), sys.stdout
    stdout = quiet
    gc.disable()
    if stdout and not isinstance(stdout, StreamWithoutNote):  # of another thread
        quiet = sys.stdout = StreamWithoutNote(stdout)
    try:
        yield
    finally:
        if collects:
            gc.enable()
        if sys.stdout is quiet:
            sys.stdout = stdout


def follow(name: str) -> None:
    """Import the modules that extend a package."""
    for module in FOLLOWERS[name]:
        import_module(f'mmseg_deeplab.{module}')


def register() -> None:
    """Let our layers follow; at once where a package has been imported before.

    From here on ``torch.load`` refuses files that would run code, by its own switch.
    """
    os.environ['TORCH_FORCE_WEIGHTS_ONLY_LOAD'] = '1'
    # mmcv-lite has no compiled operators, and nothing here needs them.
    warnings.filterwarnings(
        'ignore', message='Fail to import ``MultiScaleDeformableAttention``'
    )
    sys.meta_path.insert(0, FollowingFinder())
    for name in FOLLOWERS:
        if name in sys.modules:
            follow(name)
