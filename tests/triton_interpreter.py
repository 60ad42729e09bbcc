"""Calls into the Triton kernels' launchers, run by Triton's interpreter on the CPU.

Triton decides at import whether it interprets, and the test process may have imported
it; hence a process of its own.
"""

import multiprocessing
import sys
import types
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def interpreter(root: Path) -> Iterator[Callable]:
    """Give ``call(name, *args)``, which calls what ``name`` names in the launchers."""
    spawn = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(1, spawn) as pool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv('TRITON_INTERPRET', '1')
            pool.submit(prepare, root).result()
        yield lambda *task: pool.submit(call, *task).result()


def prepare(root: Path) -> None:
    """Import the launchers, which do not import Triton, and make it ready."""
    # `ops` needs torch only: without the package's own import, seconds are saved.
    package = types.ModuleType('mmseg_deeplab')
    package.__path__ = [str(root / 'mmseg_deeplab')]
    sys.modules['mmseg_deeplab'] = package
    from mmseg_deeplab.ops import triton_upsample  # noqa: F401

    assert 'triton' not in sys.modules
    accept_new_numpy()


def accept_new_numpy() -> None:
    """Let kernels loop over a range: Triton 3.6's interpreter turns arrays of one
    element into numbers by ``int``, which numpy 2.4 refuses."""
    from triton.runtime import interpreter

    patch = interpreter._patch_lang_tensor

    def patch_more(tensor, scope) -> None:
        patch(tensor, scope)
        scope.set_attr(tensor, '__index__', lambda self: self.handle.data.item())

    interpreter._patch_lang_tensor = patch_more


def call(name: str, *args: object) -> object:
    from mmseg_deeplab.ops import triton_upsample

    return getattr(triton_upsample, name)(*args)
