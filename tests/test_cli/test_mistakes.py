"""A mistake in the arguments of any command ends with one line and no traceback."""

import re
import shlex
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from local import largest_file

from mmseg_deeplab import cli
from mmseg_deeplab.config.shipped import find_config

CONFIG = 'deeplabv2_r26_synthetic_streets'
OF_CONFIG = {
    'train': (),
    'search': (),
    'browse': ('--out', 'out'),
    'check-data': (),
    'class-weights': (),
    'test': ('x.pth',),
    'report': ('x.pth',),
    'export': ('x.pth',),
    'publish': ('x.pth', '--out', 'out'),
    'tune-crf': ('x.pth',),
    'predict': ('x.pth', 'image.png', '--out', 'out'),
    'demo': ('x.pth',),
}
CONFIGS = {
    'deeplabv2_r26_synthetic_street': rf'nearest .*{CONFIG}',
    'folder': 'folder.* no such file|folder: holds no class list',
    'broken.py': r"broken\.py: .*'\(' was never closed.*line 1",
    'noise.py': r'noise\.py: no readable config',
    'text.txt': r'text\.txt: no readable config: .*py/yml/yaml/json',
}
# Command line -> what the line says.
OTHERS = {
    f'test {CONFIG} none.pth': r'none\.pth',
    f'test {CONFIG} folder': 'folder',
    f'test {CONFIG} noise.py': r'noise\.py',
    f'train {CONFIG} --cfg-options load_from=noise.py': r'noise\.py',
    f'train {CONFIG} --cfg-options train_cfg.max_iter=2': 'train_cfg.max_iters',
    f'train {CONFIG} --cfg-options alone': 'alone: expected KEY=VALUE',
    f'train {CONFIG} --cfg-options a=[1,2': r'a=\[1,2: expected KEY=VALUE',
    f'train {CONFIG} --cfg-options a=dict(b=1,c=2)': 'a=dict.* put dicts',
    f'train {CONFIG} --cfg-options model.test_cfg.mode=sliding':
        r'test_cfg\.mode must be one of whole, slide',
    f'train {CONFIG} --cfg-options model.test_cfg.mode=slide':
        'test_cfg lacks crop_size and stride',
    f'train {CONFIG} --mixin dice --cfg-options '
    'model.decode_head.loss_decode.loss_weight=2': r'Remedy: the position in a list',
    'train panoptic_deeplab_r26_synthetic_streets --mixin ohem':
        'ohem.py: changes loss_decode, and PanopticDeepLabHead of .* losses of its own',
    'train misspelt.py': 'nothing reads optim_wraper .*Did you mean optim_wrapper',
    'test misspelt.py x.pth': 'nothing reads optim_wraper',
    'train hook.py': r'hook\.py.*does not take intervals\. Remedy: interval',
    'train window.py': r"window\.py.*test_cfg has no mod='slide'\. Remedy: mode",
    f'predict {CONFIG} x.pth image.png --out o --opacity 3': 'opacity must be in 0..1',
    f'train {CONFIG} --cfg-options "classes=[traffic light,car]"':
        r'classes=\[traffic light,car\]: .* cannot hold blanks',
    f'train {CONFIG} --mixin ampp': "no mixin 'ampp'; there are .*amp",
    f'train {CONFIG} --mixin no/such.py': "mixin 'no/such.py' does not",
    f'train {CONFIG} --work-dir text.txt/run': r'text\.txt',
    f'train {CONFIG} --resume --cfg-options load_from=none.pth': r'none\.pth',
    f'train {CONFIG} --launcher pytorch': 'RANK is not set',
    f'train {CONFIG} --cfg-options model.decode_head.num_classes=5':
        r'num_classes=5, but the data set \(train: SyntheticStreets\) has 8',
    'train unet_camvid --cfg-options train_dataloader.dataset.data_root=no/data':
        r"train_dataloader: data_root 'no/data' of CamVidDataset .*data_root=",
    f'train {CONFIG} --mixin class_weight --cfg-options '
    'model.decode_head.loss_decode.class_weight=none.json':
        r"class weights 'none\.json' do not exist",
    f'train {CONFIG} --budget 1m': '--budget is for a folder',
    f'search {CONFIG}': r"model\.type='LeanEncoderDecoder' is trained",
    'init folder --out c.py': r'folder: holds no class list \(labels\.txt.*import-data',
    'init folder --out c': r'must end in \.py',
    'split folder': 'folder: holds no class list .*import-data',
    'split folder --val 1': '--val is 1.0',
    'split folder --cfg-options ann_file=x': '--cfg-options ann_file: expected',
    f'class-weights {CONFIG} --workers -1': 'workers must be 0 or more',
    'split s3://bucket/data': "DIR='s3://bucket/data': .*local",
    f'report {CONFIG} noise.py': r'noise\.py',
    f'publish {CONFIG} noise.py --out out': r'noise\.py',
    f'export {CONFIG} noise.py': r'noise\.py',
    f'export {CONFIG} x.pth --out model.pt': r'model\.pt: .* ends in \.onnx',
    f'export {CONFIG} x.pth --format torchscript --int8': 'int8 goes with .* onnx',
    f'predict {CONFIG} noise.py image.png --out out': r'noise\.py',
    'predict x.onnx image.png --out out': r'x\.onnx',
    'predict noise.onnx image.png --out out --output-stride 8':
        r'noise\.onnx: --output-stride',
    'predict x.pt2 image.png --out out': r'x\.pt2',
    'predict --out out noise.pt2 image.png': r'noise\.pt2.*--trust-program',
    f'predict {CONFIG}': '--out',
    f'predict {CONFIG} x.pth image.png --out o --batch-size 0': 'batch_size must be',
    f'predict {CONFIG} x.pth image.png --out o --max-pixels 0': 'max_pixels must be',
    f'predict {CONFIG} x.pth gone --out out': "input 'gone' does not exist",
    f'predict {CONFIG} x.pth image.png --out out --crf gone.py': 'CRF fragment',
    f'predict {CONFIG} x.pth image.png --out used': 'not empty and has no predict.json',
    f'predict {CONFIG} x.pth image.png --out hdfs://a': "'hdfs://a': results are",
    f'predict {CONFIG} x.pth image.png --out gs://a': 'pip install gcsfs',
    f'tune-crf {CONFIG} x.pth --num-images 999': 'num_images=999: the validation split',
    f'tune-crf {CONFIG} x.pth --bilateral-xy 9:1:3': "range '9:1:3'",
    f'tune-crf {CONFIG} x.pth --start no.py': r"CRF fragment 'no\.py' does not exist",
    f'tune-crf {CONFIG} x.pth --learn --epochs 0': 'epochs must be 1 or more',
    f'tune-crf {CONFIG} x.pth --fine-rounds -1': 'rounds must be 0 or more',
    'tune-crf unet_camvid x.pth --cfg-options val_dataloader.dataset.data_root=no':
        "'no' of CamVidDataset",
    'demo only.py': r"'only\.py' stands alone",
    f'browse {CONFIG} --out out --number 0': 'number must be 1 or more, received 0',
    f'class-weights {CONFIG} --out x.txt': r'x\.txt: the name must end in',
    f'class-weights {CONFIG} --beta 2 --method effective_number': 'beta .*2',
    f'predict {CONFIG} x.pth image.png --o out': 'required: --out',
    'plot curves folder --sm 0.5': 'unrecognized arguments: --sm',
    'convert auto x.pth y.pth': r'x\.pth: expected .* 0 entries\. Remedy:',
    'convert auto names.pth y.pth': r'names\.pth: none of .*: mine\.weight\. Remedy:',
    'convert kazuto1011 names.pth y.pth': r'names\.pth: 1 of 1 keys .* Remedy:',
    'convert kazuto1011 x.pth x.pth': r'another file than x\.pth',
    'convert kazuto1011 x.pth y.py': r'another file than x\.pth',
    'convert kazuto1011 none.pth y.pth': r'none\.pth',
    'convert kazuto1011 noise.py y.pth': r'noise\.py',
    'convert kazuto1011 folder y.pth': 'folder',
    'convert caffe noise.py y.pth': r'noise\.py',
    'convert tensorflow noise.py y.pth': r'noise\.py',
    'convert jfzhang95 folder/none.pth y.pth': r'none\.pth',
    'convert-camvid nowhere --out out': 'nowhere.*git clone',
    'decode nowhere': 'nowhere',
    'decode folder': 'folder.*no whole checkpoint',
    'draw-streets --layout voc --out o --num-train 0': 'num_train is 0',
    'draw-streets --layout voc --out o --num-val -1': 'num_val is -1',
    'draw-streets --layout voc --out o --size 8 8': r'size is \(8, 8\)',
    'draw-streets --layout folder': '--layout and --out',
    'draw-streets --sheet folder': 'folder',
    'draw-streets --layout cityscapes --out used': 'not empty',
    'plot curves nowhere': 'nowhere',
    'plot curves folder': 'folder',
    'plot classes noise.py': r'noise\.py: is no JSON',
    'plot classes folder': r'folder/metrics\.json',
    'plot confusion text.txt': r'text\.txt: is no JSON',
    'plot scatter noise.py': r'noise\.py: holds no benchmark',
    'plot scatter none.md': r'none\.md: no such file',
    'plot trimap none.json': r'none\.json: no such file',
    'plot curves folder --out x.doc': r'x\.doc',
}  # fmt: skip

# Configs that inherit CONFIG, with a mistake that no option check sees.
LEAVES = {
    'misspelt.py': 'optim_wraper = dict(clip_grad=dict(max_norm=1))',
    'hook.py': 'default_hooks = dict(checkpoint=dict(intervals=2))',
    'window.py': "model = dict(test_cfg=dict(mod='slide'))",
}


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """Enter a folder of files that are not what they should be."""
    monkeypatch.chdir(tmp_path)
    Path('folder').mkdir()
    Path('used/notes').mkdir(parents=True)
    Path('broken.py').write_text('x = (1')
    for name in ('noise.py', 'noise.pt2', 'noise.onnx'):
        Path(name).write_bytes(bytes(range(256)))
    Path('text.txt').write_text('text\n')
    for name, line in LEAVES.items():
        Path(name).write_text(f'_base_ = [{str(find_config(CONFIG))!r}]\n{line}')
    cv2.imwrite('image.png', np.zeros((9, 9, 3), np.uint8))
    torch.save(dict(state_dict={}), 'x.pth')
    torch.save({'mine.weight': torch.ones(1)}, 'names.pth')
    return tmp_path


def mistake(capsys: pytest.CaptureFixture, command: str, *arguments: str) -> str:
    """Run a command that is a mistake; return its one line."""
    with pytest.raises(SystemExit) as ended:
        cli.run(command, [*arguments])
    if ended.value.code == 2:  # of argparse, which has printed it
        return capsys.readouterr().err.strip().splitlines()[-1]
    assert ended.value.code.startswith('error: ') and '\n' not in ended.value.code
    return ended.value.code


@pytest.mark.parametrize('config', CONFIGS)
@pytest.mark.parametrize('command', OF_CONFIG)
def test_a_config_that_is_none(place, capsys, command, config):
    found = mistake(capsys, command, config, *OF_CONFIG[command])
    assert re.search(CONFIGS[config], found), found


def test_a_full_disk(place, capsys):
    with largest_file(50_000):
        found = mistake(capsys, 'draw-streets', '--sheet', 'x.png')
    assert re.search(r'x\.png: could not be written .*free space', found), found
    assert not Path('x.png').exists()


def test_a_package_that_is_not_installed(place, capsys, monkeypatch):
    package = 'onnxruntime'
    monkeypatch.setitem(sys.modules, package, None)
    found = mistake(capsys, 'predict', 'noise.onnx', 'image.png', '--out', 'out')
    assert re.search(rf'{package}.*pip install "mmseg-deeplab\[', found), found


@pytest.mark.parametrize('line', OTHERS)
def test_other_mistakes(place, capsys, line):
    found = mistake(capsys, *shlex.split(line))
    assert re.search(OTHERS[line], found), found
