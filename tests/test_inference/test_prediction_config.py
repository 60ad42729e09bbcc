"""The config of a prediction: whose classes the predictions have."""

import io
import logging

import pytest
from mmengine.logging import MMLogger

from mmseg_deeplab.inference.prediction_config import prediction_config

CHECKPOINT = dict(meta=dict(dataset_meta=dict(classes=('sky', 'road', 'car'))))
CONFIG = """
data_root = {root!r}
labels_file = 'labels.txt'
model = dict(type='EncoderDecoder', decode_head=dict(num_classes=None))
"""


@pytest.mark.parametrize(
    ('names', 'warns'),
    [
        (('sky', 'car', 'road'), True),
        (('sky', 'road', 'car'), False),
        (('sky', 'road', 'truck'), False),
        (None, False),  # no list is needed to predict
    ],
)
def test_a_class_list_of_another_order_is_named(tmp_path, names, warns):
    (tmp_path / 'config.py').write_text(CONFIG.format(root=str(tmp_path)))
    if names:
        (tmp_path / 'labels.txt').write_text('\n'.join(names))
    logger, text = MMLogger.get_current_instance(), io.StringIO()
    logger.addHandler(handler := logging.StreamHandler(text))
    cfg = prediction_config(tmp_path / 'config.py', CHECKPOINT)
    logger.removeHandler(handler)
    assert cfg.model.decode_head.num_classes == 3
    output = text.getvalue()
    assert ('the checkpoint has 1 road, 2 car' in output) == warns
    assert ('labels.txt has 1 car, 2 road. The predictions have' in output) == warns
