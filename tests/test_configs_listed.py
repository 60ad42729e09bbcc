"""What docs/configs.md and the model index say of the leaf configs."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
LEAVES = sorted(path.stem for path in (ROOT / 'configs').glob('*.py'))
TABLE = (ROOT / 'docs' / 'configs.md').read_text()
# Name, method, backbone, recipe, published, source.
ROWS = [
    [cell.strip() for cell in line.strip('|').split('|')]
    for line in TABLE.splitlines()
    if line.startswith('| [')
]
METHODS = {
    'autodeeplab': ('Auto-DeepLab', 'AutoDeepLab'),
    'deeplabv1': ('v1', 'DeepLabV1'),
    'deeplabv2': ('v2', 'DeepLabV2'),
    'deeplabv3': ('v3', 'DeepLabV3'),
    'deeplabv3plus': ('v3+', 'DeepLabV3+'),
    'fcn': ('FCN', 'FCN'),
    'panoptic': ('Panoptic', 'PanopticDeepLab'),
    'pspnet': ('PSPNet', 'PSPNet'),
    'segformer': ('SegFormer', 'SegFormer'),
    'unet': ('U-Net', 'UNet'),
}
INDEX = yaml.safe_load((ROOT / 'configs' / 'metafile.yml').read_text())


def names_of(row: list[str]) -> tuple[str, str]:
    """Return the name and the target of the link in the first cell."""
    return re.fullmatch(r'\[`(\w+)`\]\((\S+)\)', row[0]).groups()


def test_table_has_every_leaf_once():
    assert sorted(names_of(row)[0] for row in ROWS) == LEAVES


@pytest.mark.parametrize('row', ROWS, ids=lambda row: names_of(row)[0])
def test_row_agrees_with_the_leaf(row):
    name, target = names_of(row)
    leaf = (ROOT / 'docs' / target).resolve()
    assert leaf == ROOT / 'configs' / f'{name}.py'
    assert row[1] == METHODS[name.split('_')[0]][0]
    results = re.findall(r'\d+\.\d+', row[4])
    docstring = leaf.read_text().split('"""')[1]
    assert all(result in docstring for result in results)
    assert bool(results) == bool(row[5])  # a source for every result


def test_index_has_every_leaf_once():
    assert sorted(model['Name'] for model in INDEX['Models']) == LEAVES
    for model in INDEX['Models']:
        assert model['Config'] == f'configs/{model["Name"]}.py'


def test_collections_are_those_of_the_methods():
    names = [collection['Name'] for collection in INDEX['Collections']]
    assert names == list(dict.fromkeys(names))
    for model in INDEX['Models']:
        expected = METHODS[model['Name'].split('_')[0]][1]
        assert model['In Collection'] == expected
        assert expected in names


def test_results_are_measured_ones():
    benchmarks = (ROOT / 'docs' / 'benchmarks.md').read_text()
    with_results = [model for model in INDEX['Models'] if 'Results' in model]
    assert with_results
    for model in with_results:
        assert model['Name'] in benchmarks
        for result in model['Results']:
            for metric in result['Metrics'].values():
                assert f'{metric:.2f}' in benchmarks


def test_model_index_imports_the_metafile():
    files = yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']
    assert files == ['configs/metafile.yml']
