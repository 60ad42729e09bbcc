"""Curves in TensorBoard, beside the text log and its JSON.

By ``--mixin tensorboard``, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/tensorboard.py']
    visualizer = _base_.tensorboard.visualizer

``pip install tensorboard``, then ``tensorboard --logdir work_dirs`` while it trains.
``default_hooks.visualization.draw=True`` adds images of the validation with
predictions.
"""

tensorboard = dict(
    visualizer=dict(
        vis_backends=[
            dict(type='LocalVisBackend'),
            dict(type='TensorboardVisBackend'),
        ]
    )
)
