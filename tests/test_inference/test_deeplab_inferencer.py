"""The inferencer against mmseg's `inference_model`, and what it loads."""

import numpy as np
import pytest
import torch
from mmseg.apis import inference_model, init_model
from mmseg.models.segmentors import EncoderDecoder
from PIL import Image
from predicting import CLASSES, PALETTE, smooth_image, write_image, write_model

import mmseg_deeplab
from mmseg_deeplab import DeepLabInferencer
from mmseg_deeplab.config import read_config
from mmseg_deeplab.models import LeanEncoderDecoder

STOCK = "model = dict(type='EncoderDecoder')"


def inferencer(source, **options) -> DeepLabInferencer:
    return DeepLabInferencer(
        source.config, source.checkpoint, device='cpu', show_progress=False, **options
    )


@pytest.mark.parametrize('extra', [STOCK, ''], ids=['stock', 'lean'])
@pytest.mark.parametrize('fast', [False, True])
def test_predicts_what_inference_model_does(tmp_path, extra, fast):
    source = write_model(tmp_path, extra=extra)
    image = write_image(tmp_path / '1.png')[..., ::-1].copy()
    options = {'model.test_cfg.keep_logits': True}
    stock = init_model(
        source.config, source.checkpoint, device='cpu', cfg_options=options
    )
    predict = inferencer(source, fast=fast, cfg_options=options)
    for given in (str(tmp_path / '1.png'), image):
        expected = inference_model(stock, given)
        found = predict(given, return_datasamples=True)
        labels = expected.pred_sem_seg.data.numpy()
        assert len(np.unique(labels)) > 3
        assert (found.pred_sem_seg.data.numpy() == labels).mean() > 0.999
        torch.testing.assert_close(
            found.seg_logits.data, expected.seg_logits.data, rtol=1e-4, atol=1e-4
        )


def test_writes_what_the_inferencer_of_mmseg_writes(source, tmp_path):
    for seed in range(3):
        write_image(tmp_path / 'in' / f'{seed}.png', seed=seed)
    results = inferencer(source)(
        str(tmp_path / 'in'), batch_size=2, out_dir=str(tmp_path), return_vis=True
    )
    names = sorted(path.name for path in (tmp_path / 'vis').iterdir())
    assert names == ['0.png', '1.png', '2.png']
    written = [np.array(Image.open(p)) for p in (tmp_path / 'pred').iterdir()]
    assert sorted(map(np.sum, written)) == sorted(map(np.sum, results['predictions']))
    assert results['visualization'][0].shape == (40, 72, 3)


def test_outputs_lie_as_the_images_do(source, tmp_path):
    for folder in ('a', 'b'):
        write_image(tmp_path / folder / '1.png', seed=ord(folder))
    paths = [str(tmp_path / folder / '1.png') for folder in ('a', 'b')]
    call, out = inferencer(source), tmp_path / 'out'
    expected = call(paths, out_dir=str(out))['predictions']
    for folder, mask in zip(('a', 'b'), expected, strict=True):
        assert np.array_equal(Image.open(out / f'pred/{folder}/1.png'), mask)
        assert (out / f'vis/{folder}/1.png').is_file()


def test_what_cannot_be_predicted_is_refused(source, tmp_path):
    write_image(tmp_path / 'in/a/1.png')
    call = inferencer(source)
    with pytest.raises(ValueError, match=r'in: no files .*sub-folders'):
        call(str(tmp_path / 'in'))
    image = np.full((8, 9, 4), 100, np.uint8)
    for array in (image, image[..., 0], image[..., :3].astype(np.uint16)):
        with pytest.raises(ValueError, match=r'an array must be BGR, \(H, W, 3\)'):
            call(array)
    expected = call(image[..., :3])['predictions']
    for one in (image[..., :3].astype(np.float32), dict(img=image[..., :3])):
        assert np.array_equal(call(one)['predictions'], expected)


@pytest.mark.parametrize('calls', [['a/1.png', 'b/1.png'], ['a/1.png', 'b/1.jpg']])
def test_a_later_call_overwrites_nothing(source, tmp_path, calls):
    for number, path in enumerate(calls):
        write_image(tmp_path / path, seed=number)
    call, out = inferencer(source), tmp_path / 'out'
    call(str(tmp_path / calls[0]), out_dir=str(out))
    before = {path: path.read_bytes() for path in out.rglob('*.*')}
    call(str(tmp_path / calls[0]), out_dir=str(out))  # the same image may come again
    with pytest.raises(ValueError, match=r'a/1\.png and .*b/1\.... would both'):
        call(str(tmp_path / calls[1]), out_dir=str(out))
    assert {path: path.read_bytes() for path in out.rglob('*.*')} == before
    call(str(tmp_path / calls[1]), out_dir=str(tmp_path / 'other'))


def test_masks_of_arrays_are_numbered_on(source, tmp_path):
    call = inferencer(source)
    for seed in range(2):
        image = smooth_image(seed=seed)
        call(image, out_dir=str(tmp_path), return_datasamples=bool(seed))
    names = sorted(path.name for path in (tmp_path / 'pred').iterdir())
    assert names == ['00000000_pred.png', '00000001_pred.png']


def test_a_batch_gives_what_single_images_give(source):
    images = [smooth_image(seed=seed)[..., ::-1] for seed in range(3)]
    call = inferencer(source)
    single = [call(image)['predictions'] for image in images]
    assert np.array_equal(call(images, batch_size=3)['predictions'], single)


def test_is_exported_lazily():
    assert mmseg_deeplab.DeepLabInferencer is DeepLabInferencer
    with pytest.raises(AttributeError, match='no_such_name'):
        mmseg_deeplab.no_such_name  # noqa: B018


@pytest.mark.parametrize(
    ('meta', 'options', 'names', 'first_colour'),
    [
        (dict(classes=CLASSES, palette=PALETTE), {}, CLASSES, PALETTE[0]),
        ({}, {}, CLASSES, [128, 64, 128]),  # SyntheticStreets' own
        (dict(classes=CLASSES[:3], palette=None), {}, CLASSES, [128, 64, 128]),
        ({}, dict(classes=list('abcdefgh')), tuple('abcdefgh'), [128, 64, 128]),
        (dict(classes=tuple('abcdefgh')), {}, tuple('abcdefgh'), (0, 0, 255)),
    ],
    ids=['checkpoint', 'data set', 'other number', 'given', 'no colours'],
)
def test_knows_its_classes(tmp_path, meta, options, names, first_colour):
    found = inferencer(write_model(tmp_path, meta=meta), **options)
    assert found.model.dataset_meta['classes'] == names
    assert found.model.dataset_meta['palette'][0] == list(first_colour)
    assert found.visualizer.dataset_meta['classes'] == names


def test_classes_that_nobody_names_are_not_those_of_cityscapes(tmp_path):
    source = write_model(tmp_path, meta={})
    model = read_config(source.config).model
    found = DeepLabInferencer(dict(model=model), source.checkpoint, device='cpu')
    assert found.model.dataset_meta['classes'][:2] == ('class 0', 'class 1')
    assert len({tuple(colour) for colour in found.model.dataset_meta['palette']}) == 8
    assert found(smooth_image())['predictions'].shape == (40, 72)


def test_refuses_another_number_of_names(source):
    with pytest.raises(ValueError, match='8 classes, received 2'):
        inferencer(source, classes=['a', 'b'])


def test_a_labels_file_is_not_needed_where_the_checkpoint_knows_the_classes(tmp_path):
    source = write_model(tmp_path)
    with open(source.config, 'a') as config:
        config.write("labels_file = 'gone.txt'\ndata_root = 'gone'\n")
        config.write('model = dict(decode_head=dict(num_classes=None))')
    assert inferencer(source).segmentor.num_classes == 8


def test_refuses_a_checkpoint_that_leaves_weights_random(source, tmp_path):
    content = torch.load(source.checkpoint)
    del content['state_dict']['decode_head.conv2d_list.0.bias']
    torch.save(content, tmp_path / 'part.pth')
    with pytest.raises(ValueError, match=r'part\.pth lacks 1 .*conv2d_list\.0\.bias'):
        DeepLabInferencer(source.config, tmp_path / 'part.pth', device='cpu')


def test_refuses_weights_of_other_shapes(source):
    with pytest.raises(ValueError, match=r'leaf\.pth does not fit the model'):
        inferencer(source, cfg_options={'model.decode_head.num_classes': 5})


def test_needs_a_pipeline_that_loads_an_image(tmp_path):
    source = write_model(tmp_path, extra='')
    options = {'test_dataloader.dataset.pipeline': [dict(type='PackSegInputs')]}
    with pytest.raises(ValueError, match='must begin with LoadCheckedImage'):
        inferencer(source, cfg_options=options)


def test_only_a_fast_inferencer_takes_another_segmentor(tmp_path):
    source = write_model(tmp_path, extra=STOCK)
    assert type(inferencer(source).model) is EncoderDecoder
    assert type(inferencer(source, fast=True).model) is LeanEncoderDecoder
