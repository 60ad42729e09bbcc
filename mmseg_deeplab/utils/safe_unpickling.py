"""Read pickles as data: nothing in them is called or imported.

A pickle is a program for a stack machine. ``torch.load(weights_only=True)`` runs it
with a list of names that it may call, among them ``bytearray`` (any size),
``_codecs.encode`` (any codec) and, for mmengine's files, ``numpy.dtype`` (any object).
Here each name is a function of ours that checks what it is given, and what is made is
bounded by the bytes of the file.
"""

import io
import os
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import prod
from pickle import UnpicklingError
from pickletools import genops
from typing import Any, BinaryIO

import numpy as np

from .errors import InputError

# Opcodes whose argument is the value, and those that stand for one.
VALUES = frozenset({
    'BININT', 'BININT1', 'BININT2', 'LONG1', 'BINFLOAT', 'BINUNICODE', 'BINUNICODE8',
    'SHORT_BINUNICODE', 'BINBYTES', 'SHORT_BINBYTES', 'BINSTRING', 'SHORT_BINSTRING',
})  # fmt: skip
CONSTANTS = {'NONE': None, 'NEWTRUE': True, 'NEWFALSE': False, 'EMPTY_TUPLE': ()}
EMPTY = {'EMPTY_DICT': dict, 'EMPTY_LIST': list, 'EMPTY_SET': set}
TUPLES = {'TUPLE1': 1, 'TUPLE2': 2, 'TUPLE3': 3}
SKIPPED = frozenset({'PROTO', 'FRAME', 'STOP'})
# Keys whose hash nobody can choose, or only as many equal ones as do no harm.
KEYS = (str, bytes, int, float, bool, type(None))
# Bytes that calls may copy for each byte of the file: a log buffer is copied thrice.
COPIES = 4
# Values and marks that may wait below a new container: ``pickle`` writes batches of
# 1,000, and only the containers in one long tuple wait all together.
MOST_WAITING = 10_000
NUMBERS = frozenset({
    'b1', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8', 'c8', 'c16',
})  # fmt: skip


@dataclass(frozen=True)
class Name:
    """A name in a pickle, and what calling it does."""

    name: str
    make: Callable[..., Any]


def key(value: Any) -> Any:
    """Return a key of a dictionary, or refuse it."""
    if type(value) not in KEYS or (type(value) is int and value.bit_length() > 64):
        raise UnpicklingError(f'Unsupported key of type {type(value).__name__}')
    return value


def refused(*_: Any) -> None:
    raise UnpicklingError('Unsupported call of a class')


def encode(text: str, codec: str) -> bytes:
    """Take the place of ``_codecs.encode``, by which protocol 2 writes bytes."""
    if codec not in ('latin1', 'latin-1'):
        raise UnpicklingError(f'Unsupported codec {codec!r}')
    return text.encode('latin-1')


def ordered(items: Iterable = ()) -> OrderedDict:
    return OrderedDict((key(name), value) for name, value in items)


def counter(counts: Mapping | None = None) -> Counter:
    return Counter({key(name): count for name, count in (counts or {}).items()})


def dtype(name: str, *_: Any) -> np.dtype:
    """Take the place of ``numpy.dtype``: numbers, in this machine's byte order."""
    if name not in NUMBERS:
        raise UnpicklingError(f'Unsupported array of {name!r}')
    return np.dtype(name)


def scalar(kind: np.dtype, content: bytes | str) -> np.generic:
    content = content.encode('latin-1') if isinstance(content, str) else content
    if not isinstance(kind, np.dtype) or len(content) != kind.itemsize:
        raise UnpicklingError('Unsupported scalar: its size is not that of its type')
    return np.frombuffer(content, kind)[0]


def array(kind: Name, *_: Any) -> np.ndarray:
    """Take the place of ``_reconstruct``: an array that :func:`fill_array` fills."""
    return np.empty(0)


def fill_array(made: np.ndarray, state: tuple) -> None:
    _, shape, kind, in_columns, content = state
    content = content.encode('latin-1') if isinstance(content, str) else content
    if not isinstance(kind, np.dtype) or not isinstance(content, bytes):
        raise UnpicklingError('Unsupported array: its elements are no numbers')
    if len(shape) > 32 or len(content) != prod(shape) * kind.itemsize:
        raise UnpicklingError('Unsupported array: its shape and its bytes differ')
    made.__setstate__((1, tuple(shape), kind, bool(in_columns), content))


def check_dtype(_: np.dtype, state: tuple) -> None:
    if state[1] not in ('<', '|', '=') or state[2:] != (None, None, None, -1, -1, 0):
        raise UnpicklingError('Unsupported array: structured, or in big-endian order')


def keep_metadata(made: OrderedDict, state: Mapping) -> None:
    """Keep what a state dict knows of its modules' versions, and nothing else."""
    known = state.get('_metadata')
    if isinstance(known, dict):
        made._metadata = OrderedDict(
            (module, {'version': what['version']})
            for module, what in known.items()
            if isinstance(what, dict) and isinstance(what.get('version'), int)
        )


NAMES = {
    'collections.OrderedDict': ordered,
    'collections.Counter': counter,
    '_codecs.encode': encode,
    'builtins.set': lambda items=(): {key(item) for item in items},
    'builtins.complex': lambda real, imag: complex(float(real), float(imag)),
    'numpy.dtype': dtype,
    'numpy.ndarray': refused,
}
for core in ('numpy.core', 'numpy._core'):  # before and since numpy 2
    NAMES[f'{core}.multiarray.scalar'] = scalar
    NAMES[f'{core}.multiarray._reconstruct'] = array
STATES = {OrderedDict: keep_metadata, np.ndarray: fill_array, np.dtype: check_dtype}


class DataUnpickler:
    """Reads one pickle; the file's position is then behind it.

    An UnpicklingError means that the pickle holds something else than data, any other
    error that it is damaged. ``file`` is mapped or in memory (the ``read`` of others
    takes as much memory as a size in it claims) and has ``limit`` bytes. ``names`` is
    what the pickle may call, by its full name; a value that cannot be called stands for
    itself. ``states`` has for a type how an object takes the state of ``BUILD``;
    ``persistent`` returns the object of a persistent id; ``most_steps`` opcodes are
    read at most.
    """

    def __init__(
        self,
        file: BinaryIO,
        limit: int,
        names: Mapping[str, Any] = NAMES,
        states: Mapping[type, Callable[[Any, Any], None]] = STATES,
        persistent: Callable[..., Any] = refused,
        most_steps: int | None = None,
    ) -> None:
        self._file, self._left, self._most_steps = file, COPIES * limit, most_steps
        self._names, self._states, self._persistent = names, states, persistent
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # the stacks under each mark
        self._memo: dict[int, Any] = {}

    def load(self) -> Any:
        """Return what the pickle holds."""
        for step, (opcode, argument, _) in enumerate(genops(self._file)):
            name = opcode.name
            if step == self._most_steps:
                raise UnpicklingError(f'Unsupported size: more than {step} steps')
            if name in VALUES:
                self._stack.append(argument)
            elif name in CONSTANTS:
                self._stack.append(CONSTANTS[name])
            elif name in EMPTY:
                self._check_depth()
                self._stack.append(EMPTY[name]())
            elif name in TUPLES:
                count = TUPLES[name]
                self._stack[-count:] = [tuple(self._stack[-count:])]
            elif name in self.STEPS:
                self.STEPS[name](self, argument)
            elif name not in SKIPPED:
                raise UnpicklingError(f'Unsupported opcode {name}')
        return self._stack.pop()

    def _spend(self, values: Iterable[Any]) -> None:
        """Count what a call copies: shared by references, it may be any size."""
        for value in values:
            if isinstance(value, str | bytes | list | tuple | dict | set):
                self._left -= len(value)
            elif isinstance(value, np.ndarray):
                self._left -= value.nbytes
        if self._left < 0:
            raise UnpicklingError('Unsupported size: more than the file has bytes')

    def _check_depth(self) -> None:
        if len(self._stack) + len(self._below) > MOST_WAITING:
            raise UnpicklingError(f'Unsupported depth: more than {MOST_WAITING}')

    def _mark(self, _: None) -> None:
        self._check_depth()
        self._below.append(self._stack)
        self._stack = []

    def _marked(self) -> list[Any]:
        items, self._stack = self._stack, self._below.pop()
        return items

    def _tuple(self, _: None) -> None:
        items = tuple(self._marked())
        self._stack.append(items)

    def _target(self, *types: type) -> Any:
        if type(self._stack[-1]) not in types:
            raise UnpicklingError(f'Unsupported change of a {type(self._stack[-1])}')
        return self._stack[-1]

    def _append(self, _: None) -> None:
        item = self._stack.pop()
        self._target(list).append(item)

    def _appends(self, _: None) -> None:
        items = self._marked()
        self._target(list).extend(items)

    def _add_items(self, _: None) -> None:
        items = self._marked()
        self._target(set).update(map(key, items))

    def _set_item(self, _: None) -> None:
        value, name = self._stack.pop(), self._stack.pop()
        self._target(dict, OrderedDict, Counter)[key(name)] = value

    def _set_items(self, _: None) -> None:
        items = self._marked()
        target = self._target(dict, OrderedDict, Counter)
        for name, value in zip(items[::2], items[1::2], strict=True):
            target[key(name)] = value

    def _put(self, index: int | None) -> None:
        self._memo[len(self._memo) if index is None else index] = self._stack[-1]

    def _get(self, index: int) -> None:
        self._stack.append(self._memo[index])

    def _global(self, argument: str) -> None:
        self._push(*argument.split(' ', 1))

    def _stack_global(self, _: None) -> None:
        name, module = self._stack.pop(), self._stack.pop()
        self._push(module, name)

    def _push(self, module: str, name: str) -> None:
        module = 'builtins' if module == '__builtin__' else module  # Python 2's name
        full = f'{module}.{name}'
        if full not in self._names:
            raise UnpicklingError(f'Unsupported GLOBAL {full}')
        found = self._names[full]
        self._stack.append(Name(full, found) if callable(found) else found)

    def _call(self, _: None) -> None:
        called, arguments = self._stack[-2:]
        if type(called) is not Name or type(arguments) is not tuple:
            raise UnpicklingError(f'Unsupported call of a {type(called).__name__}')
        self._spend(arguments)
        self._stack[-2:] = [called.make(*arguments)]

    def _build(self, _: None) -> None:
        state = self._stack.pop()
        for kind, take in self._states.items():
            if isinstance(self._stack[-1], kind) and isinstance(state, tuple | dict):
                self._spend(state.values() if isinstance(state, dict) else state)
                take(self._stack[-1], state)
                return
        raise UnpicklingError(f'Unsupported state of a {type(self._stack[-1])}')

    def _persist(self, _: None) -> None:
        identity = self._stack.pop()
        if type(identity) is not tuple or not identity or identity[0] != 'storage':
            raise UnpicklingError('Unsupported persistent id')
        self._stack.append(self._persistent(*identity[1:]))

    STEPS = {
        'MARK': _mark, 'TUPLE': _tuple, 'APPEND': _append, 'APPENDS': _appends,
        'ADDITEMS': _add_items, 'SETITEM': _set_item, 'SETITEMS': _set_items,
        'BINPUT': _put, 'LONG_BINPUT': _put, 'MEMOIZE': _put, 'BINGET': _get,
        'LONG_BINGET': _get, 'GLOBAL': _global, 'STACK_GLOBAL': _stack_global,
        'REDUCE': _call, 'NEWOBJ': _call, 'BUILD': _build, 'BINPERSID': _persist,
    }  # fmt: skip


def unpickle(content: bytes | str | os.PathLike) -> Any:
    """Return the plain data of a pickle or of its file; InputError otherwise."""
    named = 'the pickle' if isinstance(content, bytes) else f'{content}'
    if not isinstance(content, bytes):
        with open(content, 'rb') as file:
            content = file.read()
    try:
        return DataUnpickler(io.BytesIO(content), len(content)).load()
    except UnpicklingError as error:
        raise InputError(
            f'{named}: refused, it holds more than plain data ({error}). Where you '
            'trust its source, load it there and save plain data, as JSON'
        ) from error
    except Exception as error:  # damaged pickles raise anything
        raise InputError(f'{named}: damaged, or no pickle ({error!r})') from error
