"""Curves and config on Weights & Biases, beside the text log and its JSON.

By ``--mixin wandb``, or in a leaf::

    _base_ = ['./LEAF.py', './_base_/mixins/wandb.py']
    visualizer = _base_.wandb.visualizer

``pip install wandb``, then ``wandb login`` once, or ``WANDB_MODE=offline`` in the
environment, which writes into the work folder for a later ``wandb sync``. What
``wandb.init`` takes, such as ``project``, goes into ``init_kwargs``; without one, a run
belongs to the project ``mmseg_deeplab``.
"""

wandb = dict(
    visualizer=dict(
        vis_backends=[
            dict(type='LocalVisBackend'),
            dict(
                type='IterationWandbVisBackend',
                init_kwargs=dict(project='mmseg_deeplab'),
            ),
        ]
    )
)
