"""The calls of the Hugging Face Hub that a push and a download need, on this machine.

https://huggingface.co/docs/hub/api: repositories are dicts of files by commit.
"""

import base64
import hashlib
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from local import Quiet


class Hub(ThreadingHTTPServer):
    """``repos[NAME]`` has the files of each commit; ``gated`` the names of some."""

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self.server_port}'
        self.repos: dict[str, list[dict[str, bytes]]] = {}
        self.gated: set[str] = set()
        self.uploads: dict[str, bytes] = {}

    def sha(self, repo: str) -> str:
        """Return the name of the newest commit."""
        return f'{len(self.repos[repo]):040x}'


class Handler(Quiet, BaseHTTPRequestHandler):
    server: Hub
    protocol_version = 'HTTP/1.1'

    def reply(self, content: object = b'', code: int = 200, **headers: str) -> None:
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
            headers['Content-Type'] = 'application/json'
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace('_', '-'), value)
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        if self.command != 'HEAD':
            self.wfile.write(content)

    def handle_call(self) -> None:
        path = unquote(urlsplit(self.path).path).strip('/')
        body = self.rfile.read(int(self.headers['Content-Length'] or 0))
        parts = path.removeprefix('api/models/').split('/')
        repo, rest = '/'.join(parts[:2]), parts[2:]
        if path == 'api/repos/create':
            self.create(json.loads(body))
        elif path.startswith('upload/'):
            self.server.uploads[path.removeprefix('upload/')] = body
            self.reply()
        elif path == 'api/validate-yaml':
            self.reply(dict(errors=[], warnings=[]))
        elif path.endswith('.git/info/lfs/objects/batch'):
            self.batch(json.loads(body))
        elif repo in self.server.gated:
            self.reply(code=403, X_Error_Code='GatedRepo', X_Error_Message='gated')
        elif repo not in self.server.repos:
            self.reply(code=404, X_Error_Code='RepoNotFound', X_Error_Message='none')
        elif rest[0] == 'resolve':
            self.resolve(repo, *rest[1:])
        elif rest[0] == 'preupload':
            files = json.loads(body)['files']
            modes = [
                dict(path=one['path'], uploadMode=mode(one), shouldIgnore=False)
                for one in files
            ]
            self.reply(dict(files=modes))
        elif rest[0] == 'commit':
            self.commit(repo, [json.loads(line) for line in body.splitlines()])
        elif rest[0] == 'tree':
            files = self.server.repos[repo][-1]
            self.reply([entry(name, content) for name, content in files.items()])
        elif rest[1:] and rest[1] not in ('main', self.server.sha(repo)):
            headers = dict(X_Error_Code='RevisionNotFound', X_Error_Message='none')
            self.reply(code=404, **headers)
        else:
            files = [dict(rfilename=name) for name in self.server.repos[repo][-1]]
            sha = self.server.sha(repo)
            self.reply(dict(id=repo, sha=sha, siblings=files, private=False))

    do_GET = do_HEAD = do_POST = do_PUT = handle_call

    def create(self, wanted: dict) -> None:
        repo = f'{wanted["organization"]}/{wanted["name"]}'
        if not self.headers['Authorization']:
            self.reply(dict(error='sign in'), code=401)
            return
        is_there = repo in self.server.repos
        self.server.repos.setdefault(repo, [{}])
        url = f'{self.server.url}/{repo}'
        self.reply(dict(url=url, id=repo), code=409 if is_there else 200)

    def batch(self, wanted: dict) -> None:
        objects = []
        for one in wanted['objects']:
            upload = dict(href=f'{self.server.url}/upload/{one["oid"]}')
            size, actions = one['size'], dict(upload=upload)
            objects.append(dict(oid=one['oid'], size=size, actions=actions))
        self.reply(dict(transfer='basic', objects=objects))

    def commit(self, repo: str, lines: list[dict]) -> None:
        files = dict(self.server.repos[repo][-1])
        for line in lines:
            value, key = line['value'], line['key']
            if key == 'file':
                files[value['path']] = base64.b64decode(value['content'])
            elif key == 'lfsFile':
                files[value['path']] = self.server.uploads[value['oid']]
            elif key == 'deletedFile':
                del files[value['path']]
        self.server.repos[repo].append(files)
        sha = self.server.sha(repo)
        url = f'{self.server.url}/{repo}/commit/{sha}'
        self.reply(dict(commitUrl=url, commitOid=sha, success=True))

    def resolve(self, repo: str, _: str, name: str) -> None:
        content = self.server.repos[repo][-1].get(name)
        if content is None:
            self.reply(code=404, X_Error_Code='EntryNotFound', X_Error_Message='none')
            return
        etag = f'"{hashlib.sha256(content).hexdigest()}"'
        self.reply(content, ETag=etag, X_Repo_Commit=self.server.sha(repo))


def mode(file: dict) -> str:
    return 'lfs' if file['path'].endswith(('.safetensors', '.pth')) else 'regular'


def entry(name: str, content: bytes) -> dict:
    """Return a file as a listing has it."""
    oid = hashlib.sha256(content).hexdigest()
    found = dict(type='file', path=name, size=len(content), oid=oid[:40])
    if mode(found) == 'lfs':
        found['lfs'] = dict(oid=oid, size=len(content), pointerSize=130)
    return found
