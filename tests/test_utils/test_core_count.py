"""The cores of a process."""

import os

import pytest

from mmseg_deeplab.utils.core_count import core_count


@pytest.mark.parametrize(('machine', 'expected'), [(3, 3), (None, 1)])
def test_cores_where_a_process_has_none_of_its_own(monkeypatch, machine, expected):
    monkeypatch.delattr(os, 'sched_getaffinity', raising=False)  # as on macOS
    monkeypatch.setattr(os, 'cpu_count', lambda: machine)
    assert core_count() == expected
