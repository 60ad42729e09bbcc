"""Files of class weights are read as data, or refused by name."""

import pickle

import numpy as np
import pytest
import yaml

from mmseg_deeplab.config.class_weight_file import read_class_weights
from mmseg_deeplab.utils.errors import InputError


def test_weights_in_the_config_and_in_both_formats(tmp_path):
    (tmp_path / 'w.json').write_text('[1, 0.5]')
    np.save(tmp_path / 'w.npy', np.array([1, 0.5], 'f4'))
    files = [str(tmp_path / f'w.{suffix}') for suffix in ('json', 'npy')]
    for given in ([1, 0.5], (1.0, 0.5), *files):
        assert read_class_weights(given) == [1.0, 0.5]


@pytest.mark.parametrize(
    ('name', 'content', 'reason'),
    [
        ('w.pkl', pickle.dumps([1.0]), r'must end in \.json or \.npy'),
        ('w.yaml', yaml.dump([1.0]).encode(), r'must end in \.json or \.npy'),
        ('w.json', b'[' * 10**6, 'recursion'),
        ('w.json', b'{"a": 1}', 'not K numbers'),
        ('w.json', b'[1, "b"]', 'not K numbers'),
        ('w.json', b'[[1, 2]]', 'expected K numbers'),
        ('w.json', b'[1, -2]', 'at least 0'),
        ('w.json', b'[1, NaN]', 'expected K numbers'),
        ('w.json', b'', 'not K numbers'),
        ('w.npy', b'\x93NUMPY\x01\x00', 'not K numbers'),
        ('w.npy', pickle.dumps([1.0]), 'not K numbers'),
    ],
)  # fmt: skip
def test_other_files_are_refused_by_name(tmp_path, name, content, reason):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=rf'{name}.*{reason}'):
        read_class_weights(str(tmp_path / name))


@pytest.mark.parametrize('dtype', ['O', 'f8'])
def test_an_array_of_objects_or_beyond_its_file(tmp_path, dtype):
    file = tmp_path / 'w.npy'
    np.save(file, np.array([1, 2], dtype), allow_pickle=True)
    if dtype == 'f8':
        file.write_bytes(file.read_bytes().replace(b'(2,)', b'(9' + b'0' * 12 + b',)'))
    with pytest.raises(InputError, match=r'w\.npy.*not K numbers'):
        read_class_weights(str(file))
