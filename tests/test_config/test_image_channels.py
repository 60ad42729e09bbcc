"""One setting of a config says how many channels its images have."""

from contextlib import nullcontext

import pytest
from mmengine.config import Config

from mmseg_deeplab.config import named_dicts, read_config
from mmseg_deeplab.config.image_channels import apply_channels, check_channels
from mmseg_deeplab.utils.errors import InputError

FOLDER = 'deeplabv3_mobilenetv2_folder'
RANGE = (0, 3000)


def loaders(cfg):
    steps = [node for _, node in named_dicts(cfg)]
    return [dict(s) for s in steps if str(s.get('type')).startswith('LoadBands')]


@pytest.mark.parametrize('channels, count', [(1, 1), (13, 13), ((8, 4, 3, 2), 4)])
def test_one_option_reaches_pipelines_preprocessor_and_backbone(channels, count):
    options = dict(channels=channels, value_range=RANGE)
    cfg = read_config(FOLDER, options, num_classes=2)
    wanted = dict(type='LoadBands', channels=channels, value_range=RANGE)
    found = loaders(cfg)
    assert len(found) >= 4 and all(one == wanted for one in found)
    assert not any('LoadCheckedImage' in str(s) for s in (cfg.tta_pipeline, found))
    assert cfg.model.backbone.in_channels == count
    preprocessor = cfg.model.data_preprocessor
    assert preprocessor.type == 'BandPreprocessor' and 'bgr_to_rgb' not in preprocessor
    assert preprocessor.mean == [114.495] * count  # of those of red, green and blue
    check_channels(cfg)
    again = Config(cfg.to_dict())
    apply_channels(again)  # the config that a training leaves in its folder
    assert again.to_dict() == cfg.to_dict()


def test_a_mean_of_each_band_is_kept():
    mean = [1.0, 2.0, 3.0, 4.0]
    given = dict(mean=mean, std=[9.0] * 4)
    options = {f'model.data_preprocessor.{k}': v for k, v in given.items()}
    cfg = read_config(FOLDER, options | dict(channels=4), num_classes=2)
    assert cfg.model.data_preprocessor.mean == mean


def test_without_channels_nothing_changes():
    cfg = Config(dict(pipeline=[dict(type='LoadCheckedImage')]))
    apply_channels(cfg)
    assert cfg.pipeline == [dict(type='LoadCheckedImage')]
    for option in (dict(value_range=RANGE), dict(raster_window=512)):
        with pytest.raises(InputError, match=r'without channels.*Remedy: channels=N'):
            read_config(FOLDER, option, num_classes=2)


def test_colours_of_bands_are_not_distorted():
    flip, distort = dict(type='RandomFlip'), dict(type='LeanPhotoMetricDistortion')
    nested = dict(type='RandomChoice', transforms=[[distort, flip], [flip]])
    cfg = Config(dict(channels=4, pipeline=[distort, nested, flip]))
    apply_channels(cfg)
    assert cfg.pipeline == [dict(nested, transforms=[[flip], [flip]]), flip]


@pytest.mark.parametrize(
    ('mean', 'in_channels', 'loaded', 'message'),
    [
        (3, 3, None, ''),
        (1, 1, None, ''),
        (None, None, None, ''),
        (4, None, None, 'mean is for 4 channels'),
        (None, 5, None, 'in_channels is for 5 channels'),
        (3, 1, None, 'data_preprocessor.mean: 3, model.backbone.in_channels: 1'),
        (4, 4, 4, ''),
        (4, 4, 13, 'in_channels: 4.*LoadBands: 13.*Remedy'),
        (None, 3, 4, 'in_channels: 3.*LoadBands: 4'),
    ],
)
def test_images_and_network_have_the_same_channels(mean, in_channels, loaded, message):
    model = dict(backbone=dict(type='ResNetMulti'))
    if mean:
        model['data_preprocessor'] = dict(mean=[1] * mean)
    if in_channels:
        model['backbone']['in_channels'] = in_channels
    pipeline = [dict(type='LoadBands', channels=loaded)] if loaded else []
    loader = dict(dataset=dict(pipeline=pipeline))
    with pytest.raises(InputError, match=message) if message else nullcontext():
        check_channels(Config(dict(model=model, train_dataloader=loader)))


def test_bands_in_the_order_of_files_are_refused_for_blue_green_red():
    leaf = 'deeplabv2_r101_voc12aug'
    for channels, rest in ((3, ''), (4, ', 4')):
        with pytest.raises(InputError, match=rf'Remedy: channels="\(3, 2, 1{rest}\)"'):
            read_config(leaf, dict(channels=channels))
    assert read_config(leaf, dict(channels=(3, 2, 1))).model.backbone.in_channels == 3
