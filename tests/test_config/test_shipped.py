"""Configs found by name."""

from pathlib import Path

from mmseg_deeplab.config.shipped import configs_folder, find_config

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'


def test_finds_a_shipped_config_from_any_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = find_config('deeplabv2_r101_cityscapes')
    assert found == CONFIGS / 'deeplabv2_r101_cityscapes.py'
    assert configs_folder() == CONFIGS


def test_a_file_goes_before_a_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own = tmp_path / 'deeplabv2_r101_cityscapes.py'
    own.write_text('')
    assert find_config('deeplabv2_r101_cityscapes.py').resolve() == own
