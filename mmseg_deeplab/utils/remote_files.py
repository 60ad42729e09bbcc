"""Files at addresses: a backend of mmengine on fsspec, with a cache on this disk.

Importing this module makes it mmengine's backend for the addresses of :data:`SCHEMES`:
for data sets, checkpoints, and what a training writes to ``out_dir``.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mmengine.fileio import (
    BaseStorageBackend,
    FileClient,
    get_file_backend,
    register_backend,
)

from .atomic_files import streamed_file, write_whole
from .cache_folder import cache_folder
from .errors import InputError, MissingPackageError, reason
from .json_files import read_json, write_json
from .optional_packages import optional_package

SCHEMES = ('s3', 'gs', 'http', 'https', 'memory')
# What tells one version of a file from another, as far as a storage has it.
VERSION = ('size', 'ETag', 'etag', 'LastModified', 'mtime', 'created', 'updated')
SENT = '.uploaded.json'  # the dates of the files of a folder that are uploaded


class RemoteFileError(OSError):
    """A storage does not give or take a file."""


# mmengine's hook for checkpoints asks `FileClient`, which has backends of its own.
@FileClient.register_backend('fsspec', prefixes=list(SCHEMES), force=True)
@register_backend('fsspec', prefixes=list(SCHEMES), force=True)
class FsspecBackend(BaseStorageBackend):
    """Reads files by copies in the cache, and writes them, by any storage of fsspec.

    Each process asks once whether a file has changed since it was copied.

    Args:
        **options: Those of the storage in fsspec, such as ``anon`` for ``s3://``:
            ``backend_args=dict(backend='fsspec', anon=True)``.
    """

    def __init__(self, **options) -> None:
        self.options = options
        self._copies: dict[str, Path] = {}

    @contextmanager
    def _storage(self, address: str) -> Iterator[tuple[Any, str]]:
        """Give the storage and the path of an address in it; errors name both."""
        purpose = f'{address}: a file at an address'
        fsspec = optional_package('fsspec.core', extra='remote', purpose=purpose)
        try:
            storage, path = fsspec.url_to_fs(address, **self.options)
        except (ImportError, ValueError) as error:
            wanted = 'gcsfs' if address.startswith('gs:') else '"mmseg-deeplab[remote]"'
            raise MissingPackageError(
                f'{address}: cannot be read without another package ({error}). '
                f'Remedy: pip install {wanted}, or a copy on this disk'
            ) from error
        try:
            yield storage, path
        except Exception as error:  # each storage has its own kinds of errors
            cause = error.__cause__ or error  # fsspec finds no file where no server is
            is_absent = getattr(cause, 'status', None) == HTTPStatus.NOT_FOUND
            if is_absent or isinstance(cause, FileNotFoundError):
                raise FileNotFoundError(f'{address}: no such file') from error
            raise RemoteFileError(
                f'{address}: the storage refuses it ({reason(cause)}). Remedy: check '
                'the address, the network and the credentials'
            ) from error

    def copy_of(self, address: str) -> Path:
        """Return the copy of a file on this disk, made where there is none yet."""
        address = str(address)
        if address in self._copies:
            return self._copies[address]
        with self._storage(address) as (storage, path):
            info = storage.info(path)
            version = [address, *(str(info.get(name)) for name in VERSION)]
            key = sha256('|'.join(version).encode()).hexdigest()
            copy = cache_folder() / 'remote' / key[:2] / key[2:32] / _name(address)
            if not copy.is_file():
                with streamed_file(copy) as part:
                    storage.get_file(path, str(part))
                    found, size = os.path.getsize(part), info.get('size')
                    if size is not None and found != size:
                        raise ConnectionError(f'{found} of {size} bytes have arrived')
        self._copies[address] = copy
        return copy

    def get(self, filepath: str) -> bytes:
        """Read a file."""
        return self.copy_of(filepath).read_bytes()

    def get_text(self, filepath: str, encoding: str = 'utf-8') -> str:
        """Read a text file."""
        return self.copy_of(filepath).read_text(encoding)

    @contextmanager
    def get_local_path(self, filepath: str) -> Iterator[str]:
        """Give the path of a file's copy, which stays."""
        yield str(self.copy_of(filepath))

    def exists(self, filepath: str) -> bool:
        with self._storage(filepath) as (storage, path):
            return storage.exists(path)

    def isdir(self, filepath: str) -> bool:
        with self._storage(filepath) as (storage, path):
            return storage.isdir(path)

    def isfile(self, filepath: str) -> bool:
        with self._storage(filepath) as (storage, path):
            return storage.isfile(path)

    def join_path(self, filepath: str, *filepaths: str) -> str:
        parts = [part.removeprefix('./').strip('/') for part in filepaths]
        return '/'.join([str(filepath).rstrip('/'), *filter(None, parts)])

    def list_dir_or_file(
        self,
        dir_path: str,
        list_dir: bool = True,
        list_file: bool = True,
        suffix: str | tuple[str, ...] | None = None,
        recursive: bool = False,
    ) -> Iterator[str]:
        """Yield the names of the files below a folder, but hidden ones."""
        with self._storage(dir_path) as (storage, path):
            storage.invalidate_cache()  # which may be hours old
            names = storage.find(path, maxdepth=None if recursive else 1)
        for name in sorted(names) if list_file else ():
            name = name.removeprefix(path).lstrip('/')
            # A page that lists a folder has links that sort it, too.
            is_shown = '?' not in name and '/.' not in f'/{name}'
            if is_shown and (suffix is None or name.endswith(suffix)):
                yield name

    def put(self, obj: bytes, filepath: str) -> None:
        """Write a file."""
        self._copies.pop(str(filepath), None)
        with self._storage(filepath) as (storage, path):
            storage.makedirs(os.path.dirname(path), exist_ok=True)
            storage.pipe_file(path, obj)

    def put_file(self, path: Path, filepath: str) -> None:
        """Write a file of this disk, without holding it in memory."""
        self._copies.pop(filepath, None)
        with self._storage(filepath) as (storage, target):
            storage.makedirs(os.path.dirname(target), exist_ok=True)
            storage.put_file(str(path), target)

    def put_text(self, obj: str, filepath: str, encoding: str = 'utf-8') -> None:
        """Write a text file."""
        self.put(obj.encode(encoding), filepath)

    def remove(self, filepath: str) -> None:
        """Remove a file."""
        with self._storage(filepath) as (storage, path):
            storage.rm_file(path)


def is_remote(path: str | os.PathLike) -> bool:
    """Whether a path is an address of :data:`SCHEMES`."""
    return os.fspath(path).startswith(tuple(f'{scheme}://' for scheme in SCHEMES))


def _name(address: str) -> str:
    """Return the name of a file or folder at an address, without the query of a URL."""
    url = urlsplit(address)
    path = url.path if url.scheme in ('http', 'https') else address
    return path.rstrip('/').rpartition('/')[2] or url.netloc


def local_copy(address: str) -> str:
    """Return the path of a file's copy; what another backend reads stays as it is."""
    backend = get_file_backend(address) if is_remote(address) else None
    return (
        str(backend.copy_of(address)) if isinstance(backend, FsspecBackend) else address
    )


def mirrored(address: str, is_wanted: Callable[[str], bool]) -> str:
    """Return a folder on this disk that holds the wanted files below an address.

    Of a single file it returns the path; links lead to the copies in the cache. What
    is no longer at the address is no longer in the folder.
    """
    backend = get_file_backend(address, enable_singleton=True)
    name, place = _name(address), _input_place(address)
    names = ['']
    if not is_wanted(name) and backend.isdir(address):
        found = backend.list_dir_or_file(address, list_dir=False, recursive=True)
        names = list(filter(is_wanted, found))
    wanted = {place / one: backend.join_path(address, one) for one in names}
    for link in place.rglob('*'):
        if link.is_symlink() and link not in wanted and link.name[0] != '.':
            link.unlink(missing_ok=True)
    for link, source in wanted.items():
        copy = backend.copy_of(source)
        if not link.exists() or not link.samefile(copy):
            link.parent.mkdir(parents=True, exist_ok=True)
            part = link.with_name(f'.{os.getpid()}.link')
            part.unlink(missing_ok=True)
            part.symlink_to(copy)
            os.replace(part, link)  # which another process may do as well
    return str(place)


def _input_place(address: str) -> Path:
    """Return the path that stands for an input, by which its outputs are named."""
    scheme, _, path = address.partition('://')
    if '..' in path.split('/'):
        raise InputError(f'{address}: holds "..". Remedy: give the address without it')
    if scheme in ('http', 'https') and any(sign in path for sign in '?#@'):
        return mirror_of(address, 'inputs') / _name(address)  # and no credentials
    return cache_folder() / 'inputs' / scheme / path.strip('/')


def mirror_of(address: str, kind: str) -> Path:
    """Return the folder on this disk that stands for an address."""
    return cache_folder() / kind / sha256(address.encode()).hexdigest()[:16]


def begin_upload(address: str, record: str) -> Path:
    """Return the folder on this disk whose files :func:`upload` will write.

    It has the file ``record`` of an address that was written from elsewhere.
    """
    if urlsplit(address).scheme in ('http', 'https'):
        raise RemoteFileError(
            f'{address}: nothing is written to web servers. Remedy: give a folder of '
            'this disk, or an address of s3:// or gs://'
        )
    backend = get_file_backend(address, enable_singleton=True)
    folder, source = mirror_of(address, 'outputs'), backend.join_path(address, record)
    if backend.exists(source) and not (folder / record).exists():
        write_whole(backend.get(source), folder / record)
    return folder


def upload(folder: Path, address: str) -> None:
    """Write the files of a folder that have changed, or that the address lacks."""
    backend, mark = get_file_backend(address, enable_singleton=True), folder / SENT
    sent = read_json(mark) if mark.exists() else {}
    try:
        there = {*backend.list_dir_or_file(address, list_dir=False, recursive=True)}
    except FileNotFoundError:
        there = set()
    paths = [p for p in folder.rglob('*') if p.name[0] != '.' and p.is_file()]
    dates = {p.relative_to(folder).as_posix(): p.stat().st_mtime_ns for p in paths}
    for name in sorted(dates):
        if name not in there or sent.get(name) != dates[name]:
            backend.put_file(folder / name, backend.join_path(address, name))
    if sent != dates:
        write_json(mark, dates)
