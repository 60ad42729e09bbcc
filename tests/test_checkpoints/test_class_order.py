"""Whether the classes of a checkpoint and of a data set are the same."""

import pytest

from mmseg_deeplab.checkpoints.class_order import checkpoint_meta, class_difference

RED, BLUE, GREY = [255, 0, 0], [0, 0, 255], [9, 9, 9]


def compare(*lists: list[str], palettes: tuple = (None, None)):
    metas = (
        dict(classes=names, palette=palette)
        for names, palette in zip(lists, palettes, strict=True)
    )
    return class_difference(*metas, ('a.pth', 'the data'))


@pytest.mark.parametrize(
    ('trained', 'data'),
    [
        (('sky', 'road'), ('sky', 'road')),
        (('Sky', 'side-walk'), ('sky ', 'Side_Walk')),
        (('sky',), ('road', 'sky')),  # another number: no comparison
        (('sky', 'road'), None),
    ],
)
def test_equal_names_and_unknown_ones_are_no_difference(trained, data):
    assert compare(trained, data) is None


@pytest.mark.parametrize(
    ('data', 'exchanged'),
    [
        (('sky', 'tree', 'road'), True),
        (('sky', 'road', 'bush'), False),
        (('tree', 'way', 'bush'), True),  # one known name, at another id
    ],
)
def test_a_name_at_another_id_is_worse_than_another_name(data, exchanged):
    found = compare(('sky', 'road', 'tree'), data)
    assert found.exchanged is exchanged
    ids = [i for i, name in enumerate(('sky', 'road', 'tree')) if name != data[i]]
    assert f'the data has {", ".join(f"{i} {data[i]}" for i in ids)}' in found.message
    assert 'a.pth has' in found.message


def test_long_lists_are_cut_short():
    names = [f'n{i}' for i in range(50)]
    assert '19 n20 and 30 more' in compare(names, names[1:] + names[:1]).message


@pytest.mark.parametrize(
    ('palette', 'message'),
    [
        ([GREY, BLUE, RED], r'1 red [0, 0, 255], 2 blue [255, 0, 0]'),
        ([GREY, RED, [0, 0, 9]], None),  # another colour is not an exchange
        (None, None),
    ],
)
def test_exchanged_colours_of_equal_names_are_named(palette, message):
    names, palettes = ('background', 'red', 'blue'), ([GREY, RED, BLUE], palette)
    found = compare(names, names, palettes=palettes)
    assert (found is None) if message is None else (message in found.message)


@pytest.mark.parametrize(
    'meta', [None, 'x', [1], dict(dataset_meta=[1]), dict(dataset_meta=dict(classes=5)),
             dict(CLASSES=[['sky']], PALETTE=[RED])]
)  # fmt: skip
def test_classes_of_another_form_count_as_missing(meta):
    assert checkpoint_meta(dict(meta=meta)) == {}


@pytest.mark.parametrize(
    ('palette', 'read'),
    [
        ([RED, (0, 0, 255.0)], [RED, BLUE]),
        ('xy', None),
        ([1, 2], None),
        ([[1], [2]], None),
    ],
)
def test_classes_of_a_checkpoint(palette, read):
    new = dict(dataset_meta=dict(classes=['sky', 'road'], palette=palette))
    old = dict(CLASSES=('sky', 'road'), PALETTE=palette)
    for meta in (new, old):
        expected = dict(classes=('sky', 'road'), palette=read)
        assert checkpoint_meta(dict(meta=meta)) == expected
