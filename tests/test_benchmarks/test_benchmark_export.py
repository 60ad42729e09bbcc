"""The benchmark of exported models; ONNX itself is in test_export."""

import pytest
import torch

from benchmarks.exported import QUICK_EXPORT_NETWORKS, exported_cases, rgb
from benchmarks.timing import Stopwatch

CPU = torch.device('cpu')


def test_a_path_in_pytorch_gives_the_labels_of_the_host():
    (case,) = exported_cases(CPU, networks=QUICK_EXPORT_NETWORKS, paths=['fast'])
    watch = Stopwatch(CPU)
    stock, ours = case.stock.run(watch), case.ours.run(watch)
    assert stock.shape == (1, 128, 256)
    assert case.compare(stock, ours)['other_labels'] < 1e-3
    assert case.work.multiply_adds > 1e8


def test_without_a_compiler_its_path_is_passed_over(monkeypatch):
    monkeypatch.setenv('CXX', 'no-such-compiler')
    said: list[str] = []
    cases = exported_cases(CPU, networks={}, paths=['compiled'], say=said.append)
    assert list(cases) == []
    assert 'needs a C++ compiler' in said[0]


def test_an_unknown_path_is_refused():
    with pytest.raises(ValueError, match=r"no path \['tensorrt'\]"):
        next(exported_cases(CPU, paths=['tensorrt']))


def test_images_become_rgb():
    image = torch.arange(6, dtype=torch.uint8).view(3, 1, 2)
    assert rgb(image).tolist() == [[[4, 2, 0], [5, 3, 1]]]
