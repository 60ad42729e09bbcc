"""A small copy of the project, in which the documentation's commands and code run."""

import pytest
import torch
from doc_sandbox import Sandbox

from mmseg_deeplab import get_deeplab_v2


@pytest.fixture(scope='module')
def sandbox(server, tmp_path_factory) -> Sandbox:
    """Return a copy with a finished quickstart and the files that readers have."""
    sandbox = Sandbox(tmp_path_factory.mktemp('docs'), server)
    sandbox.shrink()
    sandbox.train_quickstart()
    fragment = sandbox.folder / 'configs' / 'crf' / 'voc12_r101.py'
    for name in ('crf', 'crf_learned'):
        (sandbox.folder / f'{name}.py').write_text(fragment.read_text())
    lineage = get_deeplab_v2(num_classes=21, pretrain=False).state_dict()
    weights = {f'Scale.{name}': value for name, value in lineage.items()}
    torch.save(weights, sandbox.folder / 'DeepLab_resnet_pretrained_imagenet.pth')
    return sandbox
