"""``auto``: the code base of weights by their names."""

import json

import pytest
import torch
from golden import (
    METADATA,
    deterministic_state_dict,
    empty_state,
    tensorflow_shapes,
)
from mmengine import Config
from mmseg.registry import MODELS
from safetensors.torch import save_file

from mmseg_deeplab.checkpoints import (
    SOURCES,
    convert,
    convert_file,
    find_source,
    load,
    model_config,
)

SOURCE_OF = {
    'isht7': 'resnet_multi',
    'kazuto': 'kazuto1011',
    'torchvision': 'torchvision',
    'vainf': 'vainf',
    'jfzhang95_deeplab': 'jfzhang95',
    'bowenc0221': 'bowenc0221',
    'detectron2': 'detectron2',
    'transformers': 'transformers',
    'smp': 'smp',
}
TIMM = 'smp_deeplabv3plus_timm_os16'


def empty(name: str) -> dict[str, torch.Tensor]:
    """Return the tensors of a reference without values."""
    return empty_state(METADATA[name]['keys'])


@pytest.mark.parametrize('start', SOURCE_OF)
def test_every_recorded_network_is_found(start):
    names = [n for n in METADATA if n.startswith(start) and 'keys' in METADATA[n]]
    assert names
    for name in names:
        state = empty(name)
        wrapped = {f'module.{key}': value for key, value in state.items()}
        assert find_source(state) == find_source(wrapped) == SOURCE_OF[start]


def test_layers_of_caffe_and_scopes_of_tensorflow_are_found():
    blobs = {'conv1_1.0': torch.ones(1), 'conv1_1.1': torch.ones(1)}
    assert find_source(blobs) == 'caffe'
    for kind, shapes in tensorflow_shapes().items():
        assert find_source(empty_state(shapes)) == 'tensorflow', kind
    assert {*SOURCE_OF.values(), 'caffe', 'tensorflow'} == set(SOURCES)


def test_names_of_nobody_and_our_own_are_refused():
    with pytest.raises(ValueError, match=r"none of .'bowenc0221'.*: nobody\.weight"):
        convert({'nobody.weight': torch.ones(1)}, 'auto')
    with pytest.raises(ValueError, match='need no conversion'):
        find_source({'decode_head.conv_seg.weight': torch.ones(1)})


def test_config_beside_a_file_of_smp_names_its_encoder(tmp_path):
    file = tmp_path / 'model.safetensors'
    save_file(deterministic_state_dict(METADATA[TIMM]['keys']), file)
    with pytest.raises(ValueError, match='--encoder-name tu-NAME'):
        convert_file('auto', file, tmp_path / 'a.pth')
    config = dict(
        encoder_name='tu-mobilenetv3_small_050',
        encoder_output_stride=16,
        decoder_atrous_rates=[6, 12, 18],
    )
    (tmp_path / 'config.json').write_text(json.dumps(config))
    checkpoint, config = convert_file('auto', file, tmp_path / 'a.pth', output_stride=8)
    cfg = Config.fromfile(config)
    assert cfg.custom_imports.imports == ['mmseg_deeplab']
    assert cfg.model.backbone.model_name == 'mobilenetv3_small_050'
    assert cfg.model.decode_head.dilations == (1, 12, 24, 36)
    assert load(checkpoint)['meta']['source'] == 'smp'
    MODELS.build(cfg.model).load_state_dict(load(checkpoint)['state_dict'])


def test_one_channel_of_smp_is_a_foreground_behind_a_sigmoid():
    name = 'smp_deeplabv3_resnet18_os8'
    state = empty(name) | {'segmentation_head.0.weight': torch.ones(1, 256, 1, 1)}
    config = model_config(state, 'smp', output_stride=8)
    head = config['decode_head']
    assert (head['num_classes'], head['out_channels'], head['threshold']) == (2, 1, 0.5)
    assert config['backbone']['type'] == 'DilatedResNet'
    old = {
        key.replace('decoder.aspp.', 'decoder.0.')
        .replace('decoder.conv.', 'decoder.1.')
        .replace('decoder.bn.', 'decoder.2.'): value
        for key, value in state.items()
    }
    assert convert(old, 'smp').keys() == convert(state, 'smp').keys()


@pytest.mark.parametrize(
    'name, mean, std, is_rgb',
    [
        ('transformers_mobilenet_v2_os8', 127.5, 127.5, True),
        ('transformers_mobilevit_xxs_os16', 0, 255, False),
        ('transformers_mobilevitv2_050_os16', 0, 255, False),
    ],
)
def test_images_are_prepared_as_by_the_image_processor(name, mean, std, is_rgb):
    config = model_config(empty(name), 'transformers', output_stride=16)
    images = config['data_preprocessor']
    assert (images['mean'], images['std']) == ([mean] * 3, [std] * 3)
    assert images['bgr_to_rgb'] is is_rgb
