"""What a short prediction imports."""

import sys

from local import call
from predicting import write_model

SCRIPT = """
import sys
import numpy as np
from mmseg_deeplab.inference import ModelSource, load_predictor

predictor = load_predictor(ModelSource(*sys.argv[1:]))
predictor.predict([np.zeros((32, 32, 3), np.uint8)])
print(*sys.modules)
import mmseg_deeplab.export.export_formats
assert 'mmseg_deeplab.utils.onnx_runtime' in sys.modules
assert 'onnxruntime' not in sys.modules
"""


def test_a_prediction_imports_neither_data_sets_nor_a_runner_of_ours(tmp_path):
    source = write_model(tmp_path)
    command = (sys.executable, '-c', SCRIPT, source.config, source.checkpoint)
    done = call(*command, check=True)
    imported = done.stdout.split()
    assert 'mmseg_deeplab.inference.network' in imported
    costly = {'mmseg.apis', 'mmseg.datasets', 'mmpretrain', 'mmseg_deeplab.engine'}
    assert not costly.intersection(imported)
    assert not {'av', 'rasterio', 'ray', 'onnxruntime'}.intersection(imported)
    assert 'OneDL' not in done.stdout + done.stderr
