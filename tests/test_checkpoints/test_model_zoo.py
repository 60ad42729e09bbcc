"""The zoo: each entry's network has the tensors that its source's network has."""

import re
from pathlib import Path

import mmseg
import pytest
import torch
from golden import (
    METADATA,
    detectron2_deeplab_keys,
    empty_state,
    tensorflow_shapes,
)
from mmengine import Config
from mmseg.registry import MODELS
from torchvision.models import segmentation

from mmseg_deeplab.checkpoints import convert, model_config, zoo_model, zoo_models
from mmseg_deeplab.checkpoints.model_zoo import ZooModel, find_models, models_table
from mmseg_deeplab.checkpoints.references import config_of_mmseg
from mmseg_deeplab.config import find_config

INSTALLED = Path(mmseg.__file__).parent / '.mim' / 'configs'
MMSEG = [model for model in zoo_models() if model.family == 'mmseg']
CONVERTED = [model for model in zoo_models() if model.convert and model.classes]
SLOW = pytest.mark.slow
QUICK = {
    'deeplabv3_r101_cityscapes_80k',
    'deeplabv3plus_r101_cityscapes_80k',
    'deeplabv3plus_r18b_cityscapes_769_80k',
    'deeplabv3_mobilenetv2_ade20k_160k',
    'deeplabv3_unet_drive_40k',
    'deeplabv3_mobilenetv3_coco_voc_torchvision',
    'deeplabv3plus_x65_ade20k_tf',
    'deeplabv3plus_x71_dpc_cityscapes_tf',
    'panoptic_deeplab_r52_coco_detectron2_dsconv',
    'deeplabv3plus_r103_cityscapes_detectron2',
    'deeplabv3_mobilenetv2_voc12_transformers',
    'deeplabv3_mobilevit_xs_voc12_transformers',
}
TRANSFORMERS = {
    'transformers_mobilenetv2': 'transformers_mobilenet_v2_os8',
    'transformers_mobilevit_xxs': 'transformers_mobilevit_xxs_os16',
}
Shapes = dict[str, tuple[int, ...]]


def cases(models: list[ZooModel]) -> list:
    """Return parameters of a test: a few for the quick tier."""
    return [
        pytest.param(one, id=one.name, marks=[] if one.name in QUICK else [SLOW])
        for one in models
    ]


def shapes(cfg: Config) -> Shapes:
    """Build a network without weights and return the shapes of its tensors."""
    cfg.model.pretrained = None
    with torch.device('meta'):
        state = MODELS.build(cfg.model).state_dict()
    return {key: tuple(value.shape) for key, value in state.items()}


def theirs(model: ZooModel) -> Config:
    """Return the config by the name under which MMSegmentation publishes the file.

    Two of its names say ResNet-50 for a ResNet-101; the right ones follow them.
    """
    names = [f'{alias}.py' for alias in model.aliases]
    found = [path for name in names for path in INSTALLED.glob(f'*/{name}')]
    return Config.fromfile(found[-1])


@pytest.mark.parametrize('model', cases(MMSEG))
def test_a_network_of_mmsegmentation(model):
    if model.config.startswith('mmseg::'):
        ours = config_of_mmseg(model)
    else:
        ours = Config.fromfile(find_config(model.config))
    assert ours.model.type == 'LeanEncoderDecoder'
    published = theirs(model)
    depth = re.search(r'_r(\d+)b?-d', model.urls[0])
    if depth and 'knet' not in model.name:
        assert published.model.backbone.depth == int(depth[1])
    expected = shapes(published)
    assert shapes(ours) == expected
    heads = [key for key in expected if key.endswith('conv_seg.weight')]
    assert {expected[key][0] for key in heads} == {model.classes}


def golden_shapes(model: ZooModel) -> Shapes:
    """Return the tensors of the source's network, as recorded from its own code."""
    depth = re.search(r'_r(50|101)_', model.name)
    if model.family == 'torchvision':
        kind = f'resnet{depth[1]}' if depth else 'mobilenet_v3_large'
        with torch.device('meta'):
            network = getattr(segmentation, f'deeplabv3_{kind}')(
                weights=None, weights_backbone=None, aux_loss=True
            )
        return {key: tuple(one.shape) for key, one in network.state_dict().items()}
    if model.family == 'tensorflow':
        kind = 'zoo_xception_65' if 'x65' in model.name else 'zoo_mobilenet'
        kind = 'mobilenet_half' if '_x05_' in model.name else kind
        kind = 'zoo_xception_71_cell' if '_x71_dpc_' in model.name else kind
        return {key: tuple(shape) for key, shape in tensorflow_shapes()[kind].items()}
    name = 'kazuto_deeplabv2_resnet101_msc'
    if model.family == 'huggingface':
        name = 'transformers_' + '_'.join(model.name.split('_')[1:-2])
        name = TRANSFORMERS.get(name, name)
    if model.family == 'detectron2' and 'panoptic' not in model.name:
        return detectron2_deeplab_keys(model.name.split('_')[0])
    if model.family == 'detectron2':
        _, _, kind = model.name.rpartition('detectron2')
        name = f'detectron2_panoptic_deeplab_r52_os16{kind}'
    if model.family == 'vainf':
        method = model.name.split('_')[0]
        name = f'vainf_{method}_{"resnet101" if depth else "mobilenet"}_os16'
    keys = METADATA[METADATA[name].get('keys_same_as', name)]['keys']
    if depth and depth[1] == '50':  # six blocks in the third stage instead of 23
        longer = re.compile(r'backbone\.layer3\.([6-9]|1\d|2\d)\.')
        keys = {key: shape for key, shape in keys.items() if not longer.match(key)}
    return {key: tuple(shape) for key, shape in keys.items()}


@pytest.mark.parametrize('model', cases(CONVERTED))
def test_a_converted_network(model):
    theirs = golden_shapes(model)
    # The classes that the record was made with.
    last = theirs.get('sem_seg_head.predictor.bias', list(theirs.values())[-1])[0]
    state = {
        key: torch.empty([model.classes if n == last else n for n in shape])
        for key, shape in theirs.items()
    }
    options = dict(model.convert)
    cfg = Config(dict(model=model_config(state, **options)))
    converted = convert(state, options['source'])
    assert shapes(cfg) == {key: tuple(one.shape) for key, one in converted.items()}
    assert cfg.model.decode_head.num_classes == model.classes


@pytest.mark.parametrize('depth', [50, 101])
def test_initial_weights_of_tensorflows_resnet(depth):
    assert zoo_model(f'r{depth}_beta_imagenet_tf').convert == dict(source='tensorflow')
    theirs = tensorflow_shapes()[f'zoo_resnet_{depth}_beta']
    with torch.device('meta'):
        network = MODELS.build(dict(type='ResNetV1Beta', depth=depth))
    ours = {f'backbone.{key}': v.shape for key, v in network.state_dict().items()}
    converted = convert(empty_state(theirs), 'tensorflow')
    assert {key: one.shape for key, one in converted.items()} == ours


def test_all_of_mmsegmentation_is_there():
    """All published DeepLabs of MMSegmentation's installed list, each file once."""
    import yaml

    folders = ('deeplabv3', 'deeplabv3plus', 'knet', 'mobilenet_v2', 'resnest', 'unet')
    published = {
        entry['Weights']
        for folder in folders
        for entry in yaml.safe_load((INSTALLED / folder / 'metafile.yaml').read_text())[
            'Models'
        ]
        if 'deeplabv3' in entry['Name']
    }
    assert published == {model.urls[0] for model in MMSEG}
    assert len(MMSEG) == 101 and len(zoo_models()) == 143
    # The number in README.md.
    assert sum(model.unsupported is None for model in zoo_models()) == 141


def test_names_stand_for_one_thing(root):
    names = [name for one in zoo_models() for name in (one.name, *one.aliases)]
    configs = {path.stem for path in root.glob('configs/*.py')}
    assert len(names) == len(set(names)) and not configs & set(names)


def test_every_model_is_usable_or_says_why_not():
    for model in zoo_models():
        ways = [model.config, model.convert, model.unsupported]
        assert sum(map(bool, ways)) == 1, model.name
        if model.config and not model.config.startswith('mmseg::'):
            find_config(model.config)
        if model.sha256:
            assert re.search(rf'-{model.sha256}\.pth$', model.urls[0])


def test_one_model_is_recommended_for_each_data_set():
    names = ('cityscapes', 'voc', 'ade20k', 'coco_stuff')
    expected = ['Cityscapes', 'VOC 2012 aug', 'ADE20K', 'COCO-Stuff 164k']
    assert [zoo_model(name).dataset for name in names] == expected
    assert zoo_model('deeplabv3plus_r101_cityscapes') is zoo_model('cityscapes')


def test_the_table_marks_what_nobody_has_looked_up():
    ade, keras = find_models('xception_ade20k*') + find_models('*_keras')
    row, other = str(models_table([ade, keras])).splitlines()[3:5]
    assert '45.65' in row and 'not verified: classes' in row
    assert 'not supported yet: KerasHub' in other


def test_a_pattern_that_fits_nothing_gives_the_nearest_names():
    assert {model.family for model in find_models('vainf')} == {'vainf'}
    with pytest.raises(ValueError, match='deeplabv3_unet_drive'):
        find_models('deeplabv3_unet_drve')
