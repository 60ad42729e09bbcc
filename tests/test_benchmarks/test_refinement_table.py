"""The parts of the table of refinements; tests/test_tools runs the whole."""

import math

import numpy as np
import pytest
import torch
from mmengine.config import Config

from benchmarks.refinement_table import Result, Variant, list_variants, text
from benchmarks.refinement_table.measure import accuracy, evaluation_images, mean_over
from benchmarks.refinement_table.pictures import (
    BETTER,
    SAME,
    WORSE,
    WRONG_BEFORE_AND_AFTER,
    change_map,
    most_changed,
)
from benchmarks.refinement_table.variants import network_config, shown, slug
from mmseg_deeplab.visualization.image_grid import draw_sheet

STREETS = 'deeplabv2_r26_synthetic_streets.py'


def report(miou: float = 50.0, **ious: float | None) -> dict:
    """Return a report of two bands; in the second, all figures are one higher."""
    return dict(
        figures=dict(mIoU=miou, aAcc=90.0, trimap1_mIoU=miou, trimap5_mIoU=miou + 1),
        per_class={name: dict(IoU=iou) for name, iou in ious.items()},
        trimap=dict(
            around='labels',
            widths=[1, 5],
            mIoU=[miou, miou + 1],
            per_class={n: [v, None if v is None else v + 1] for n, v in ious.items()},
        ),
    )


def result(name: str, miou: float, base: str = '', accuracies=(), **variant) -> Result:
    variant = Variant(name, base=base, **variant)
    return Result(variant, report(miou, a=miou, b=None), list(accuracies))


def test_the_rows_without_fragments():
    variants = list_variants(Config(dict(model=dict())))
    assert [v.name for v in variants] == ['plain', 'MSC', 'CRF', 'MSC + CRF']
    released = variants[2].crf
    assert (released['bilateral_xy'], released['bilateral_rgb']) == (67, 3)
    assert variants[3].crf == released


def test_the_rows_with_fragments(root, tmp_path):
    (tmp_path / 'learned.py').write_text("crf = dict(type='DenseCRF', gaussian_xy=9)")
    variants = list_variants(
        Config(dict(model=dict(crf=dict(type='DenseCRF', bilateral_xy=20)))),
        tuned=str(root / 'configs/crf/voc12_vgg16.py'),
        learned=str(tmp_path / 'learned.py'),
    )
    found = {v.name: v.crf for v in variants}
    assert list(found)[2:] == ['CRF', 'CRF, tuned', 'CRF, learned', 'MSC + CRF, tuned']
    assert found['CRF']['bilateral_xy'] == 20
    assert found['CRF, tuned'] == found['MSC + CRF, tuned']
    assert found['CRF, tuned']['bilateral_xy'] == 65
    assert found['CRF, learned']['gaussian_xy'] == 9
    assert shown(variants).name == 'CRF, tuned'


def test_one_scale_of_a_config_of_several(load_config):
    cfg = load_config('deeplabv2_r26_msc_synthetic_streets.py')
    model = network_config(cfg, multi_scale=False).model
    assert model.type == 'LeanEncoderDecoder' and 'scales' not in model
    assert network_config(cfg, multi_scale=True).model == cfg.model


def test_another_segmentor_is_refused():
    cfg = Config(dict(model=dict(type='CascadeEncoderDecoder')))
    with pytest.raises(ValueError, match=r"'CascadeEncoderDecoder'.*go with"):
        network_config(cfg, multi_scale=True)


def test_the_number_of_images_is_checked(load_config):
    cfg = load_config(STREETS)
    with pytest.raises(ValueError, match='num_images=101: the test split has 100'):
        evaluation_images(cfg, 'test', 101)
    assert len(evaluation_images(cfg, 'test', 7)) == 7


def test_the_mean_over_some_classes():
    given = report(20.0, a=40.0, b=60.0, c=0.0)
    found = mean_over(given, ['a', 'b'])
    assert found['figures'] == dict(
        mIoU=50.0, aAcc=90.0, trimap1_mIoU=50.0, trimap5_mIoU=51.0
    )
    assert found['trimap']['mIoU'] == [50.0, 51.0]
    assert given['figures']['mIoU'] == 20.0
    assert mean_over(given, []) == given


def test_void_does_not_count_in_the_accuracy():
    prediction = torch.tensor([[0, 1, 2, 2]])
    assert accuracy(prediction, torch.tensor([[0, 1, 1, 255]])) == pytest.approx(2 / 3)
    assert math.isnan(accuracy(prediction, torch.full((1, 4), 255)))


@pytest.mark.parametrize(
    ('after', 'rows', 'places'),
    [
        ([0.9, 0.5, 0.4, 0.6], 1, [0, 2]),
        ([0.9, 0.5, 0.4, 0.6], 2, [0, 3, 1, 2]),
        ([0.9, 0.8, math.nan, 0.1], 1, [0, 3]),
        ([0.6], 3, [0]),
    ],
)
def test_the_most_changed_images(after, rows, places):
    before = result('plain', 1.0, accuracies=[0.5] * len(after))
    assert most_changed(before, result('CRF', 1.0, accuracies=after), rows) == places


def test_the_change_is_painted():
    truth = np.array([[1, 1, 1, 1, 255]])
    before, after = np.array([[0, 1, 1, 0, 0]]), np.array([[1, 0, 1, 2, 1]])
    painted = change_map(truth, before, after)[0].tolist()
    assert painted == [
        *map(list, (BETTER, WORSE, SAME, WRONG_BEFORE_AND_AFTER)),
        [255] * 3,
    ]


def test_the_text_says_which_variant_does_not_help():
    results = [
        result('plain', 50.0),
        result('MSC', 52.0, 'plain', multi_scale=True),
        result('CRF', 49.0, 'plain', crf=dict(bilateral_weight=4.0)),
        result('MSC + CRF', 51.0, 'MSC', multi_scale=True),
    ]
    assert [note.split(':')[0] for note in text.notes(results)] == [
        '"CRF" does not help this model',
        '"MSC + CRF" does not help this model',
    ]
    assert '| CRF | 49.00 | 90.00 | 49.00 | 50.00 |' in text.markdown(results)
    assert text.class_table(results).splitlines()[2:] == [
        '| a | 50.00 | 52.00 | 49.00 | 51.00 |'
    ]
    assert '| CRF | - | 4 | - | - | - | - | Potts |' in text.crf_table(results)


def test_file_names_hold_no_signs():
    assert slug('MSC + CRF, tuned') == 'msc_crf_tuned'


def test_a_sheet_with_captions_and_a_short_legend():
    image = np.full((32, 64, 3), 77, np.uint8)
    tiles = [image, np.zeros((32, 64), int), np.ones((32, 64), int), image]
    options = dict(
        classes=('a', 'a very long name'), palette=[[1, 2, 3], [200, 0, 0]],
        columns=('i', 't', 'before', 'after'), captions=['x'], tile_width=64,
    )  # fmt: skip
    short = draw_sheet([tiles], listed=[True, False], **options)
    assert short.width < draw_sheet([tiles], **options).width
    row = np.asarray(short)[32 + 24 + 16, [8 + 32 + 72 * i for i in range(4)]]
    assert row.tolist() == [[77] * 3, [1, 2, 3], [200, 0, 0], [77] * 3]
