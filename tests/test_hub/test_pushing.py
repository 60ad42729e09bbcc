"""Push to a hub on this machine, and load from it by ``hf://OWNER/NAME``."""

import io
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from golden import reference_state
from hub_endpoint import Hub
from huggingface_hub import ModelCard
from local import call, serving
from PIL import Image
from predicting import write_image, write_model
from training import ROOT

from mmseg_deeplab.checkpoints import load
from mmseg_deeplab.inference import DeepLabInferencer

pytestmark = pytest.mark.slow  # commands in processes of their own
REFERENCE = 'hf://me/tiny'


@pytest.fixture(scope='module')
def hub():
    with serving(Hub()) as hub:
        yield hub


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('work')
    write_image(folder / 'street.png', (40, 60))
    (folder / 'metrics.json').write_text('{"metrics": {"mIoU": 12.5}}')
    return folder


@pytest.fixture(scope='module')
def source(folder):
    return write_model(folder)


@pytest.fixture(scope='module')
def command(hub, folder):
    """Return a function that runs a command: exit code and last line."""

    def run(*arguments: str, **env: str) -> tuple[int, str]:
        own = dict(PYTHONPATH=str(ROOT), HF_ENDPOINT=hub.url, HF_TOKEN='hf_mine')
        own |= dict(HF_HOME=str(folder / 'home'), HF_HUB_DISABLE_XET='1')
        command = (sys.executable, '-m', 'mmseg_deeplab', *arguments)
        done = call(*command, cwd=folder, env=os.environ | own | env)
        return done.returncode, (done.stdout + done.stderr).strip()

    return run


@pytest.fixture(scope='module')
def pushed(command, source, hub):
    """Push the model twice: another licence makes another card, not another file."""
    for licence in ('mit', 'cc-by-4.0'):
        code, printed = command(
            *('publish', source.config, source.checkpoint, '--push', REFERENCE),
            *('--metrics', 'metrics.json', '--license', licence),
        )
        assert code == 0, printed
        assert f'{hub.url}/me/tiny/commit/' in printed
    return hub.repos['me/tiny'][-1]


def test_one_model_with_its_card_is_there(pushed, folder):
    assert sorted(Path(name).suffix for name in pushed) == [
        *('.json', '.md', '.py', '.safetensors')
    ]
    (folder / 'card.md').write_bytes(pushed['README.md'])
    card = ModelCard.load(folder / 'card.md')
    assert card.data.license == 'cc-by-4.0' and f'predict {REFERENCE}' in card.text
    assert card.data.eval_results[0].metric_value == 12.5


def test_it_predicts_the_same_also_offline(command, pushed, source, folder):
    inferencer = DeepLabInferencer(source.config, source.checkpoint, device='cpu')
    sample = inferencer(str(folder / 'street.png'), return_datasamples=True)
    expected = sample.pred_sem_seg.data[0].numpy()
    for out, env in {'a': {}, 'b': dict(HF_HUB_OFFLINE='1')}.items():
        code, printed = command(
            *('predict', REFERENCE, 'street.png', '--out', out, '--device', 'cpu'),
            **env,
        )
        assert code == 0, printed
        labels = np.array(Image.open(folder / out / 'labels' / 'street.png'))
        assert (labels == expected).all()


def test_an_old_model_is_removed_by_a_new_one(command, pushed, hub, folder):
    other = write_model(folder / 'home', seed=1)
    command('publish', other.config, other.checkpoint, '--push', REFERENCE)
    files = hub.repos['me/tiny'][-1]
    assert sum(name.endswith('.safetensors') for name in files) == 1
    assert not set(files) & {name for name in pushed if name.endswith('.safetensors')}


def test_a_config_that_runs_code_is_refused(command, hub, pushed):
    files = {name: content for name, content in pushed.items() if '.json' not in name}
    config = next(name for name in files if name.endswith('.py'))
    hub.repos['you/bad'] = [files | {config: b'import os\nos.mkdir("owned")\n'}]
    code, printed = command('download', 'hf://you/bad')
    assert code == 1 and 'line 1 of the config holds something else' in printed


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['download', 'hf://you/gated'], r'accept its terms at http.*you/gated'),
        (['download', 'hf://you/nothing'], r'no such repository'),
        (['download', 'hf://me/tiny@v9'], r'no such revision'),
        (['download', 'hf://tiny'], r'expected hf://OWNER/NAME'),
    ],
)
def test_a_mistake_is_one_line(command, hub, pushed, arguments, message):
    hub.gated.add('you/gated')
    code, printed = command(*arguments)
    *_, last = printed.splitlines()
    assert code == 1 and last.startswith('error: ')
    assert re.search(message, last)


def test_without_a_network_or_an_account(command, pushed, source):
    code, printed = command(
        'download', 'hf://me/other', HF_ENDPOINT='http://127.0.0.1:9'
    )
    assert code == 1 and 'cannot be reached, and is not in the cache' in printed
    push = ('publish', source.config, source.checkpoint, '--push', 'hf://me/new')
    for env in (dict(HF_TOKEN=''), dict(HF_ENDPOINT='http://127.0.0.1:9')):
        code, printed = command(*push, **env)
        assert code == 1 and printed.splitlines()[-1].startswith('error: hf://me/new')
        assert 'Traceback' not in printed


def test_a_model_of_transformers_is_converted_from_its_repository(command, hub, folder):
    name = 'transformers_mobilevit_xxs_os16'
    weights = io.BytesIO()
    torch.save(reference_state(name), weights)
    files = {'pytorch_model.bin': weights.getvalue(), 'config.json': b'{}'}
    hub.repos['apple/deeplabv3-mobilevit-xx-small'] = [files]
    model = 'deeplabv3_mobilevit_xxs_voc12_transformers'
    home = dict(MMSEG_DEEPLAB_HOME=str(folder / 'models'))
    code, printed = command('download', model, **home)
    assert code == 0, printed
    (config,) = folder.glob(f'models/models/{model}/*.py')
    assert 'DeepLabMobileViT' in config.read_text()
    meta = load(config.with_suffix('.pth'))['meta']['dataset_meta']
    assert meta['classes'][:2] == ['background', 'aeroplane']
