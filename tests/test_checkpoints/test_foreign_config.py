"""Configs of others: data passes, and whatever could run code is refused."""

import pytest
from mmengine.config import Config

from mmseg_deeplab.checkpoints.foreign_config import check_foreign_config
from mmseg_deeplab.config.shipped import configs_folder

LEAVES = ['deeplabv2_r26_synthetic_streets', 'deeplabv3_convnext_t_camvid']


@pytest.mark.parametrize('name', LEAVES)
def test_what_mmengine_and_publish_write_passes(name):
    cfg = Config.fromfile(configs_folder() / f'{name}.py')
    check_foreign_config(f'"""A network."""\n\n{cfg.pretty_text}', name)


@pytest.mark.parametrize(
    'text',
    [
        'import os',
        'x = open("a")',
        'x = dict(a=[lambda: 1])',
        'x = dict(**{"a": 1})',
        'x = [i for i in (1, 2)]',
        'x = {**{}}',
        'x.y = 1',
        'x = f"{1}"',
        'x = "{{ $ENV:NOBODY:1 }}"',
        '_base_ = ["/etc/passwd"]',
        'a = _base_ = "other.py"',
        'model = dict(type="os.system", command="id")',
        'model = {"type": "subprocess.run"}',
        'model = dict(type=["os.system"])',
        'custom_imports = dict(imports=["mmseg_deeplab", "antigravity"])',
        'custom_imports = dict(imports="antigravity")',
        'x = (',
        'x = ' + '-' * 100_000 + '1',
    ],
)
def test_what_could_run_code_is_refused(text):
    with pytest.raises(ValueError, match=r'^theirs: '):
        check_foreign_config(text, 'theirs')
