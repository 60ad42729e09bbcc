"""Class weights in the loss of the decode head, read from a file.

By ``--mixin class_weight``, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/class_weight.py']
    model = _base_.class_weight.model

``mmseg-deeplab class-weights CONFIG`` writes the file, for one data set. Another one:
``--cfg-options model.decode_head.loss_decode.class_weight=FILE`` (.json or .npy).
The loss is the mean over labelled pixels, weighted by their classes, as torch's. Where
the head has several losses, each gets them.
"""

class_weight = dict(
    model=dict(
        decode_head=dict(loss_decode=dict(class_weight='work_dirs/class_weights.json'))
    )
)
