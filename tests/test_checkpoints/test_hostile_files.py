"""Files that claim more than they hold: an error within bounds of time and memory."""

import gc
import io
import json
import multiprocessing
import pickle
import resource
import struct
import tarfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from mmseg_deeplab.checkpoints import load, load_caffe, load_tensorflow
from mmseg_deeplab.checkpoints.formats.tensorflow_table import MAGIC, crc32c
from mmseg_deeplab.utils.errors import InputError

SECONDS, MEGABYTES = 4.0, 200  # 0.3 s at most where nothing else runs


def read_within_limits(read, file, answers) -> None:
    """Read a file in a process that may take 200 MB more than it has."""
    gc.freeze()  # or each collection copies the memory of the tests
    pages = int(Path('/proc/self/statm').read_text().split()[0])
    most = pages * resource.getpagesize() + MEGABYTES * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
    begin = time.process_time()
    try:
        read(file)
        answer = 'was read'
    except InputError as error:
        answer = f'InputError: {error}'
    except Exception as error:
        answer = f'{type(error).__name__}: {error}'
    answers.send((answer, time.process_time() - begin))


def archive(file: Path, pickled: bytes, kind: int = zipfile.ZIP_STORED, **data: bytes):
    with zipfile.ZipFile(file, 'w', kind, compresslevel=1) as out:
        out.writestr('x/data.pkl', pickled)
        out.writestr('x/version', b'3')
        for name, content in data.items():
            out.writestr(f'x/data/{name}', content)


def calling(module: str, name: str, arguments: bytes, rest: bytes = b'') -> bytes:
    """Return a pickle of ``{'x': name(*arguments)}``, protocol 2."""
    called = f'c{module}\n{name}\n'.encode() + b'(' + arguments + b'tR' + rest
    return b'\x80\x02}X\x01\x00\x00\x00x' + called + b's.'


def number(value: int) -> bytes:
    data = value.to_bytes(value.bit_length() // 8 + 1, 'little', signed=True)
    return b'\x8a' + bytes([len(data)]) + data


def text(value: str) -> bytes:
    data = value.encode()
    return b'X' + struct.pack('<I', len(data)) + data


def stored(count: int, key: str = '0', view: bytes = b'') -> bytes:
    parts = text(key) + text('cpu') + number(count) + view
    return b'(' + text('storage') + b'ctorch\nFloatStorage\n' + parts + b'tQ'


def tensor(storage: bytes, *size: int, stride: int = 1) -> bytes:
    sizes = b'(' + b''.join(map(number, size)) + b't'
    strides = b'(' + number(stride) * len(size) + b't'
    hooks = b'\x89ccollections\nOrderedDict\n)R'
    arguments = storage + b'K\x00' + sizes + strides + hooks
    return calling('torch._utils', '_rebuild_tensor_v2', arguments)


def array(shape: int, kind: bytes, content: bytes, state: bytes = b'') -> bytes:
    """Return an array of numpy, forged in any part."""
    made = b'cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR'
    dtype = b'cnumpy\ndtype\n(U' + bytes([len(kind)]) + kind + b'K\x00K\x01tR' + state
    parts = b'K\x01' + number(shape) + b'\x85' + dtype + b'\x89'
    given = b'U' + bytes([len(content)]) + content
    return b'\x80\x02}X\x01\x00\x00\x00x' + made + b'(' + parts + given + b'tbs.'


def stream(*pickles: bytes) -> bytes:
    head = (0x1950A86A20F9469CFC6C, 1001, {})
    return b''.join(pickle.dumps(one, 2) for one in head) + b''.join(pickles)


def log_buffer(*values: bytes, times: int) -> bytes:
    """Return a log buffer that is a list, with the last value many times."""
    listed = b'](' + b''.join(values) + b'q\x01' + b'h\x01' * times + b'e'
    state = b'}' + text('_log_history') + listed + b'sb'
    return calling('mmengine.logging.history_buffer', 'HistoryBuffer', b'', state)


OBJECTS = b'(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb'
HASHES = b''.join(number(i * (2**61 - 1)) + b'N' for i in range(1, 100_000))
PICKLES = {
    'bytearray': calling('builtins', 'bytearray', number(10**10)),
    'bytearray of Python 2': calling('__builtin__', 'bytearray', number(10**10)),
    'codec of quadratic time': calling(
        '_codecs', 'encode', text('ä1' * 10**5) + text('punycode')
    ),
    'codec that imports': calling('_codecs', 'encode', text('a') + text('os.path')),
    'bytes of one text, often': b'\x80\x02}(' + text('k') + text('a' * 10**5) + b'q\x01'
    + b''.join(
        text(f'{i}') + b'c_codecs\nencode\n(h\x01' + text('latin1') + b'tR'
        for i in range(5000)
    ) + b'u.',
    'equal hashes': b'\x80\x02}X\x01\x00\x00\x00x}(' + HASHES + b'us.',
    'many steps': b'\x80\x02}X\x01\x00\x00\x00x](' + b'N' * 10**7 + b'es.',
    'deep lists': b'\x80\x02}X\x01\x00\x00\x00x' + b']' * 10**6 + b'a' * 10**6 + b's.',
    'deep marks': b'\x80\x02' + b'(' * 10**6 + b't' * 10**6 + b'.',
    'many in one call': calling('torch', 'Size', b'(' + b'K\x00' * 10**7 + b't'),
    'log buffer of one list, often': log_buffer(
        b'](' + b'K\x01' * 9999 + b'e', times=9999
    ),
    'log buffer of texts': log_buffer(text('a' * 10**6), text(''), times=9999),
    'subclass that is no tensor': b'\x80\x02}(' + text('k')
    + b'](' + b'K\x01K\x02\x86q\x01' + b'h\x01' * 10**4 + b'e\x85q\x02'
    + b'ccollections\nOrderedDict\nq\x03ctorch\nTensor\nq\x04'
    + b'ctorch._tensor\n_rebuild_from_type_v2\nq\x05]('
    + b'h\x05(h\x03h\x04h\x02NtR' * 5000 + b'eu.',
    'tensor of many sizes': tensor(stored(4), *[2**2000] * 20_000),
    'keys set one by one': b'\x80\x02}q\x00' + b'N' * 10**5 + b'h\x00'
    + b'K\x01Ns' * 5 * 10**4 + b'cos\nsystem\n.',
    'array of objects': array(1, b'O8', bytes(8)),
    'array of objects by its state': array(1, b'i8', bytes(8), OBJECTS),
    'structured array': array(1, b'V8', bytes(8)),
    'array beyond its bytes': array(2**40, b'f8', bytes(8)),
    'class that is called': calling('numpy', 'ndarray', number(2**40) + b'\x85'),
    'tensor by its class': calling('torch', 'FloatTensor', number(2**40)),
    'tensor beyond its storage': tensor(stored(4), 2**40),
    'tensor before its storage': tensor(stored(4), 4, stride=-1),
    'tensor expanded': tensor(stored(4), 2**40, stride=0),
    'storage beyond its record': tensor(stored(2**40), 2**40),
    'storage of a negative size': tensor(stored(-4), 4),
    'storage that is not there': tensor(stored(4, 'none'), 4),
    'text that does not end': b'\x80\x02}X\xff\xff\xff\xffx',
    'code': calling('os', 'system', text('true')),
}  # fmt: skip


def whole(content: bytes):
    return lambda file: file.write_bytes(content)


def pth(pickled: bytes):
    return lambda file: archive(file, pickled, **{'0': bytes(16)})


def compressed(file: Path) -> None:
    zeros = bytes(300 * 2**20)
    count = len(zeros) // 4
    archive(file, tensor(stored(count), count), zipfile.ZIP_DEFLATED, **{'0': zeros})


def overlapping(file: Path) -> None:
    """Let 1,000 entries of the directory mean the same megabyte."""
    archive(file, b'\x80\x02}.', **{'0': bytes(2**20)})
    with zipfile.ZipFile(file, 'a') as out:
        out.filelist += [out.getinfo('x/data/0')] * 1000
        out.writestr('x/end', b'')


def safetensors(header: bytes, length: int | None = None) -> bytes:
    start = struct.pack('<Q', len(header) if length is None else length)
    return start + header + bytes(64)


def field(tag: int, content: bytes) -> bytes:
    return varint(tag << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    data = b''
    while value > 127:
        data, value = data + bytes([value & 127 | 128]), value >> 7
    return data + bytes([value])


def layer(blob: bytes, rest: bytes = b'') -> bytes:
    return field(100, field(1, b'conv') + field(7, blob) + rest)


def shape(*sizes: int) -> bytes:
    return field(7, field(1, b''.join(map(varint, sizes))))


CAFFE = {
    'length beyond the file': varint(100 << 3 | 2) + varint(2**60) + bytes(50),
    'shape that overflows': layer(shape(2**32, 2**32) + field(5, b'')),
    'many sizes': layer(field(7, field(1, b'\1' * 3_000_000)) + field(5, bytes(4))),
    'many fields': layer(field(5, bytes(4)), b'\x10\x01' * 3_000_000),
    'many layers': b'\xa2\x06\x00' * 3_000_000,
    'number for a blob': field(100, field(1, b'conv') + varint(7 << 3) + varint(1)),
}


END = bytes(4)  # of a block: it has no restarts


def table(*blocks: bytes, repeated: int = 1) -> bytes:
    """Return a sorted string table; the index lists each block ``repeated`` times."""
    data, index = b'', b''
    for block in blocks:
        handle = varint(len(data)) + varint(len(block))
        data += sealed(block)
        index += (entry(b'k', handle)) * repeated
    handle = varint(len(data)) + varint(len(index + END))
    footer = (varint(0) + varint(0) + handle).ljust(40, b'\0') + MAGIC
    return data + sealed(index + END) + footer


def sealed(block: bytes) -> bytes:
    checksum = crc32c(block + b'\0')
    masked = ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF
    return block + b'\0' + masked.to_bytes(4, 'little')


def entry(key: bytes, value: bytes, shared: int = 0) -> bytes:
    return varint(shared) + varint(len(key)) + varint(len(value)) + key + value


LONG = entry(b'a' * 10**5, b'') + b''.join(
    entry(b'b', b'', shared=10**5 + i) for i in range(100_000)
)
WHOLE = varint(1 << 3) + varint(1) + field(2, b'') + varint(5 << 3) + varint(10**6)
TABLES = {
    'names that grow': table(LONG + END),
    'many entries': table(entry(b'a' * 900, b'') + b'\x84\x07\0\0' * 300_000 + END),
    'a block listed often': table(bytes(10**6) + END, repeated=200_000),
    'an empty block listed often': table(END, repeated=500_000),
    'many tensors of the same bytes': table(
        entry(b'', varint(1 << 3) + varint(1))
        + b''.join(entry(b'%05d' % i, WHOLE) for i in range(10_000)) + END
    ),
    'many shards': table(entry(b'', varint(1 << 3) + varint(2**60)) + END),
}  # fmt: skip


def checkpoint(index: bytes):
    def write(file: Path) -> None:
        file.write_bytes(index)
        file.with_name('file.data-00000-of-00001').write_bytes(bytes(10**6))

    return write


def bomb(file: Path) -> None:
    """Pack 300 MB of zeros as the data of a checkpoint."""
    with tarfile.open(file, 'w:gz', compresslevel=1) as archive:
        member = tarfile.TarInfo('model.ckpt.data-00000-of-00001')
        member.size = 300 * 2**20
        archive.addfile(member, io.BytesIO(bytes(member.size)))


def far_header(file: Path) -> None:
    """Let the first header of an archive claim a name of 10 GB."""
    member = tarfile.TarInfo('x')
    member.type, member.size = tarfile.XHDTYPE, 10 * 2**30
    file.write_bytes(member.tobuf() + bytes(1024))


FAR = {'a': dict(dtype='F32', shape=[2**38], data_offsets=[0, 2**40])}
SAFETENSORS = {
    'header beyond the file': safetensors(b'{}', 2**60),
    'deep header': safetensors(b'{"a":' * 10**6),
    'tensor beyond the file': safetensors(json.dumps(FAR).encode()),
}
STREAMS = {
    'storage beyond the file': stream(
        tensor(stored(2**40, view=b'N'), 2**40),
        b'\x80\x02]' + text('0') + b'a.' + (2**40).to_bytes(8, 'little'),
    ),
    'storage that never comes': stream(
        tensor(stored(10**9, view=b'N'), 10**9), b'\x80\x02].'
    ),
    'pickle': stream(PICKLES['bytearray']),
}
FILES = {
    'tar: far header': (load_tensorflow, 'file.tar', far_header),
    'tar: inflates': (load_tensorflow, 'file.tar.gz', bomb),
    'pth: compressed': (load, 'file.pth', compressed),
    'pth: overlapping entries': (load, 'file.pth', overlapping),
}
for read, file, write, contents in (
    (load, 'file.pth', pth, PICKLES),
    (load, 'file.pth', whole, STREAMS),
    (load, 'file.safetensors', whole, SAFETENSORS),
    (load_caffe, 'file.caffemodel', whole, CAFFE),
    (load_tensorflow, 'file.index', checkpoint, TABLES),
):
    for name, content in contents.items():
        FILES[f'{write.__name__} {file}: {name}'] = (read, file, write(content))


@pytest.mark.parametrize('name', FILES)
def test_a_hostile_file_is_an_error_within_a_second_and_200_megabytes(tmp_path, name):
    read, file, write = FILES[name]
    write(tmp_path / file)
    fork = multiprocessing.get_context('fork')
    answers, sender = fork.Pipe(duplex=False)
    process = fork.Process(
        target=read_within_limits, args=(read, tmp_path / file, sender)
    )
    process.start()
    sender.close()
    try:
        answer, seconds = answers.recv()
    except EOFError:  # it has crashed
        process.join()
        pytest.fail(f'ended with {process.exitcode}')
    process.join()
    expected = r'FileNotFoundError' if 'many shards' in name else 'InputError'
    assert answer.startswith(expected), answer[:300]
    assert 'MemoryError' not in answer and "can't allocate" not in answer, answer[:300]
    assert 'file' in answer
    assert seconds < SECONDS, f'{seconds:.1f} s'


def test_the_forged_array_is_what_it_seems():
    """The same pickle with numbers in it is read: the forgeries fail for their part."""
    forged = array(2, b'i4', np.array([3, 4], 'i4').tobytes())
    assert pickle.loads(forged)['x'].tolist() == [3, 4]


def test_the_forged_tensor_is_what_it_seems(tmp_path):
    pth(tensor(stored(4), 4))(tmp_path / 'file.pth')
    for read in (load, torch.load):
        assert read(tmp_path / 'file.pth')['x'].tolist() == [0] * 4
