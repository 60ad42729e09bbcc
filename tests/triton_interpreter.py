"""Calls into the Triton kernels' launchers, run by Triton's interpreter on the CPU.

Triton decides at import whether it interprets, and the test process may have imported
it; hence a process of its own: ``TRITON_INTERPRET=1 python triton_interpreter.py ROOT``
answers pickled ``(name, args)`` on stdin by pickled results on stdout.
"""

import os
import pickle
import subprocess
import sys
import traceback
import types
from pathlib import Path


class Interpreter:
    """The process: ``interpreter(name, *args)`` calls what ``name`` names there."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, __file__, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, 'TRITON_INTERPRET': '1'},
        )
        self.imports_triton = pickle.load(self.process.stdout)
        """Whether the launchers' module alone had imported Triton."""

    def __call__(self, name: str, *args):
        pickle.dump((name, args), self.process.stdin)
        self.process.stdin.flush()
        done, result = pickle.load(self.process.stdout)
        if not done:
            raise RuntimeError(result)
        return result

    def close(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=60)


def accept_new_numpy() -> None:
    """Let kernels loop over a range: Triton 3.6's interpreter turns arrays of one
    element into numbers by ``int``, which numpy 2.4 refuses."""
    from triton.runtime import interpreter

    patch = interpreter._patch_lang_tensor

    def patch_more(tensor, scope) -> None:
        patch(tensor, scope)
        scope.set_attr(tensor, '__index__', lambda self: self.handle.data.item())

    interpreter._patch_lang_tensor = patch_more


def main() -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), 'wb')
    os.dup2(2, 1)  # whatever prints must not mix with the answers
    # `ops` needs torch only: without the package's own import, seconds are saved.
    package = types.ModuleType('mmseg_deeplab')
    package.__path__ = [str(Path(sys.argv[1]) / 'mmseg_deeplab')]
    sys.modules['mmseg_deeplab'] = package
    from mmseg_deeplab.ops import triton_upsample

    pickle.dump('triton' in sys.modules, answers)
    answers.flush()
    accept_new_numpy()
    while True:
        try:
            name, args = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            answer = True, getattr(triton_upsample, name)(*args)
        except Exception:
            answer = False, traceback.format_exc()
        pickle.dump(answer, answers)
        answers.flush()


if __name__ == '__main__':
    main()
