"""A web server on this machine that serves files, well or badly."""

import hashlib
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from local import Quiet


class FileServer(ThreadingHTTPServer):
    """``/MODE/NAME`` serves ``files[NAME]`` as MODE says; ``log`` has the requests.

    Modes: ``good``; ``breaks``, which sends half of what is left; ``no-range``, which
    breaks off and sends all from the beginning when asked for the rest; ``other``,
    other bytes; ``slow``; ``page``, an HTML page; ``once-503``; or a status.
    """

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), Handler)
        self.files: dict[str, bytes] = {}
        self.log: list[tuple[str, str | None]] = []
        self.etag = True

    def url(self, mode: str, name: str) -> str:
        return f'http://127.0.0.1:{self.server_port}/{mode}/{name}'

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that has left."""

    def put(self, name: str, content: bytes) -> str:
        """Serve a file, and return its SHA-256."""
        self.files[name] = content
        return hashlib.sha256(content).hexdigest()


class Handler(Quiet, BaseHTTPRequestHandler):
    server: FileServer

    def do_GET(self) -> None:
        mode, name = self.path.strip('/').split('/', 1)
        wanted = self.headers['Range']
        before = self.server.log.count((mode, wanted))
        self.server.log.append((mode, wanted))
        content = self.server.files.get(name)
        if mode.isdigit() or content is None or (mode == 'once-503' and not before):
            self.send_error(int(mode) if mode.isdigit() else 503 if content else 404)
            return
        kind = 'text/html' if mode == 'page' else 'application/octet-stream'
        if mode == 'other':
            content = content[::-1]
        start = 0
        if wanted and mode != 'no-range':
            start = int(wanted.removeprefix('bytes=').removesuffix('-'))
        self.send_response(206 if start else 200)
        if start:
            rest = f'bytes {start}-{len(content) - 1}/{len(content)}'
            self.send_header('Content-Range', rest)
        if self.server.etag:
            self.send_header('ETag', f'"{hashlib.md5(content).hexdigest()}"')
        self.send_header('Content-Type', kind)
        content = content[start:]
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        if mode == 'breaks' or (mode == 'no-range' and not wanted):
            content = content[: (len(content) + 1) // 2]
        for begin in range(0, len(content), 1 << 16):
            self.wfile.write(content[begin : begin + (1 << 16)])
            if mode == 'slow':
                time.sleep(20)
