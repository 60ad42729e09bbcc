"""Upload a published model to the Hugging Face Hub."""

from pathlib import Path
from tempfile import TemporaryDirectory

from mmseg_deeplab.checkpoints.hugging_face import (
    PATTERNS,
    readable_errors,
    split_reference,
)
from mmseg_deeplab.utils.optional_packages import optional_package

from .publishing import Published


def push(
    published: Published, reference: str, *, metrics: str | Path | None = None
) -> str:
    """Upload weights, config, card and metrics in one commit; return its address.

    The repository is made if it does not exist. Weights and configs of an earlier push
    are removed, so that ``reference`` is always one model.

    Args:
        published: The files of :func:`publish`.
        reference: ``hf://OWNER/NAME``, or with ``@BRANCH`` for a branch that exists.
        metrics: JSON file of the evaluation that the card shows.

    Raises:
        OSError: If nobody is signed in, or the hub cannot be reached or refuses.
    """
    hub = optional_package('huggingface_hub', extra='hub', purpose='--push')
    repo, revision = split_reference(reference)
    names = {'README.md': published.card}
    names |= {path.name: path for path in (published.weights, published.config)}
    if metrics is not None:
        names['metrics.json'] = Path(metrics)
    with TemporaryDirectory() as folder, readable_errors(reference, repo):
        for name, path in names.items():
            (Path(folder) / name).symlink_to(path.resolve())
        api = hub.HfApi()
        api.create_repo(repo, exist_ok=True)
        commit = api.upload_folder(
            repo_id=repo,
            folder_path=folder,
            revision=revision,
            commit_message=f'{published.weights.name} by mmseg-deeplab publish',
            delete_patterns=PATTERNS,
        )
    return commit.commit_url
