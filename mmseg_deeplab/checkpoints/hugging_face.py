"""Checkpoints on the Hugging Face Hub: ``hf://OWNER/NAME[@REV]``."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.optional_packages import optional_package

PREFIX = 'hf://'
REFERENCE = re.compile(r'hf://(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>.+))?')
PATTERNS = ['*.safetensors', '*.pth', '*.py']
# Weights of others, and their config, which the converters read.
DOWNLOADS = [[*PATTERNS, 'config.json'], ['*.bin']]


def hub_files(reference: str) -> str:
    """Download a repository; return the path of its weights, beside their config.

    ``huggingface_hub`` keeps what it downloads (``HF_HOME``). Of several weights that
    are one model those of safetensors are taken. OSError if it cannot be read,
    InputError if it does not hold the weights of one model.
    """
    hub = optional_package(
        'huggingface_hub', extra='hub', purpose=f'{reference}: Hugging Face'
    )
    repo, revision = split_reference(reference)
    for patterns in DOWNLOADS:
        with readable_errors(reference, repo):
            folder = Path(
                hub.snapshot_download(repo, revision=revision, allow_patterns=patterns)
            )
        for pattern in ('*.safetensors', '*.pth', '*.bin'):
            found = sorted(folder.glob(pattern))
            if len(found) == 1:
                return str(found[0])
    raise InputError(
        f'{reference}: holds no weights of one model (*.safetensors, *.pth or *.bin at '
        'the top of the repository)'
    )


def split_reference(reference: str) -> tuple[str, str | None]:
    """Return ``OWNER/NAME`` and the revision, None where none is named."""
    found = REFERENCE.fullmatch(reference)
    if found is None:
        raise InputError(
            f'{reference}: expected hf://OWNER/NAME or hf://OWNER/NAME@REV'
        )
    return found['repo'], found['revision']


@contextmanager
def readable_errors(reference: str, repo: str) -> Iterator[None]:
    """Turn what the hub's library raises into an OSError of one line and a remedy."""
    from huggingface_hub import errors

    sign_in = 'sign in with `hf auth login`, or set HF_TOKEN'
    try:
        yield
    except errors.GatedRepoError as error:
        reason = f'a gated repository. Remedy: accept its terms at {_page(repo)}, then '
        raise OSError(f'{reference}: {reason}{sign_in}') from error
    except errors.RevisionNotFoundError as error:
        raise OSError(
            f'{reference}: no such revision; {_page(repo)}/commits/main lists them'
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise OSError(
            f'{reference}: no such repository, or a private one. Remedy: {sign_in}'
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise OSError(
            f'{reference}: cannot be reached, and is not in the cache. Remedy: try '
            'again when the network is there'
        ) from error
    except errors.HfHubHTTPError.__bases__ as error:  # of the HTTP client, and OSError
        reason = str(error).strip().split('\n')[0] or type(error).__name__
        raise OSError(
            f'{reference}: Hugging Face says: {reason}. Remedy: try again, or {sign_in}'
        ) from error


def _page(repo: str) -> str:
    from huggingface_hub import constants

    return f'{constants.ENDPOINT}/{repo}'
