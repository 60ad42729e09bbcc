"""Text that people write with any editor."""

import codecs

from .errors import InputError

UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decode_text(content: bytes, path: str, *, errors: str = 'strict') -> str:
    """Decode UTF-8 with or without a byte order mark, or UTF-16 with one.

    ``errors='surrogateescape'`` is for lists of files, whose names may be no UTF-8.
    """
    try:
        if content.startswith(UTF_16):
            text = content.decode('utf-16')
        else:
            text = content.decode('utf-8-sig', errors)
    except UnicodeDecodeError as error:
        raise InputError(f'{path}: {error}. Remedy: save it as UTF-8 text.') from error
    if '\0' in text:
        raise InputError(
            f'{path}: holds zero bytes: UTF-16 without a byte order mark, or no text. '
            'Remedy: save it as UTF-8 text.'
        )
    return text
