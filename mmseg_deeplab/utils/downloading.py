"""Download a file: it appears under its name whole and verified, or not at all.

What has arrived is kept in a hidden file beside it, and the next attempt goes on from
there. That file's name holds the file's hash or, where none is known, what the server
calls this version of it (``ETag``), so that pieces of two versions are never joined.
"""

import hashlib
import os
import sys
import time
from collections.abc import Sequence
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from filelock import FileLock

from . import file_hashes
from .atomic_files import PART_SUFFIX
from .progress import Progress

BLOCK = 1 << 20  # bytes
TIMEOUT = 30.0  # seconds without a byte
ATTEMPTS = 3  # at one address without any progress
PAUSE = 1.0  # seconds before the second attempt; then twice as long, and so on
TEMPORARY = (408, 425, 429, 500, 502, 503, 504)  # answers worth another attempt
HOSTS_OF_OPENMMLAB = ('https://mmassets.onedl.ai/', 'https://download.openmmlab.com/')


class DownloadError(OSError):
    """A file that could not be had, with the reasons and the remedy."""


def with_mirrors(url: str) -> list[str]:
    """Return an address and those at which the same file is, too."""
    for host in HOSTS_OF_OPENMMLAB:
        if url.startswith(host):
            path = url.removeprefix(host)
            others = [other + path for other in HOSTS_OF_OPENMMLAB if other != host]
            return [url, *others]
    return [url]


def download(urls: Sequence[str], file: Path, *, sha256: str = '') -> Path:
    """Download a file unless it is there; several processes may ask for it at once.

    Of its addresses the first that answers counts. ``sha256`` are as many first digits
    of its hash as are known. Where it cannot be had, that is a DownloadError.
    """
    if file.is_file():
        return file
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(file.with_name(f'.{file.name}.lock')):
            if not file.is_file():
                _from_any(urls, file, sha256)
    except PermissionError as error:
        raise DownloadError(
            f'{file}: cannot be written ({error.strerror}). Remedy: set '
            'MMSEG_DEEPLAB_HOME to a folder that can be written to'
        ) from error
    return file


def _from_any(urls: Sequence[str], file: Path, sha256: str) -> None:
    reasons = []
    for url in urls:
        try:
            part = _with_patience(url, file, sha256)
        except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
            reasons.append(f'{url}: {_reason(error)}')
            print(reasons[-1], file=sys.stderr)
            continue
        os.replace(part, file)
        for left in file.parent.glob(f'.{file.name}.*{PART_SUFFIX}'):
            left.unlink()
        return
    raise DownloadError(
        f'{file.name} could not be downloaded ({"; ".join(reasons)}). Remedy: try '
        f'again when the network is there, or put the file at {file}'
    )


def _reason(error: Exception) -> str:
    if isinstance(error, HTTPError):
        return f'the server answered {error.code} {error.reason}'
    if isinstance(error, URLError) and error.reason:
        return f'no connection ({error.reason})'
    return str(error) or type(error).__name__


def _with_patience(url: str, file: Path, sha256: str) -> Path:
    """Download from one address, going on after a break; return the whole part."""
    attempt, before = 1, -1
    while True:
        try:
            return _once(url, file, sha256)
        except (URLError, HTTPException, ConnectionError, TimeoutError) as error:
            if isinstance(error, HTTPError) and error.code not in TEMPORARY:
                raise
            parts = file.parent.glob(f'.{file.name}.*{PART_SUFFIX}')
            arrived = sum(part.stat().st_size for part in parts)
            attempt = 1 if 0 <= before < arrived else attempt + 1
            before = arrived
            if attempt > ATTEMPTS or isinstance(error, WrongFileError):
                raise
            time.sleep(PAUSE * 2 ** (attempt - 2))


class WrongFileError(ConnectionError):
    """The server sends another file than the one asked for."""


def _once(url: str, file: Path, sha256: str) -> Path:
    with _open(url) as answer:
        version = sha256 or answer.headers['ETag'] or answer.headers['Last-Modified']
        name = hashlib.sha256((version or '').encode()).hexdigest()[:8]
        part = file.with_name(f'.{file.name}.{name}{PART_SUFFIX}')
        total = int(answer.headers['Content-Length'] or -1)
        start = part.stat().st_size if version and part.is_file() else 0
        if not 0 < start <= total:
            start = 0
            _save(answer, part, file.name, total)
    if 0 < start < total:
        with _open(url, start) as answer:
            rest = f'bytes {start}-{total - 1}/{total}'
            start = start if answer.headers['Content-Range'] == rest else 0
            _save(answer, part, file.name, total, start)
    arrived = part.stat().st_size
    if total >= 0 and arrived != total:
        raise ConnectionError(f'the connection broke after {arrived} of {total} bytes')
    found = file_hashes.sha256(part) if sha256 else ''
    if not found.startswith(sha256):
        part.unlink()
        # What was there before may have been wrong: then once more, from the beginning.
        raise (ConnectionError if start else WrongFileError)(
            f'the file there has another hash (SHA-256 {found[:16]}..., expected '
            f'{sha256}...)'
        )
    return part


def _open(url: str, start: int = 0) -> HTTPResponse:
    headers = {'User-Agent': 'mmseg-deeplab'}
    if start:
        headers['Range'] = f'bytes={start}-'
    answer = urlopen(Request(url, headers=headers), timeout=TIMEOUT)
    if answer.headers.get_content_type() == 'text/html':
        answer.close()
        raise WrongFileError('the server sends a web page, not the file')
    return answer


def _save(
    answer: HTTPResponse, part: Path, name: str, total: int, start: int = 0
) -> None:
    """Append an answer to what has arrived; a full disk leaves nothing behind."""
    bar = Progress(name, total if total >= 0 else None, unit='B', start=start)
    # Unbuffered: what has arrived is on the disk when the process is killed.
    with part.open('r+b' if start else 'wb', buffering=0) as stream, bar:
        stream.seek(start)
        while block := answer.read(BLOCK):
            try:
                stream.write(block)
            except OSError as error:
                part.unlink()
                raise DownloadError(
                    f'{part.parent}: cannot be written to ({error.strerror}). Remedy: '
                    'free space there, or set MMSEG_DEEPLAB_HOME to another folder'
                ) from error
            bar.advance(len(block))
