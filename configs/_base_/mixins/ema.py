"""Exponential moving average of the weights, evaluated and saved in their place.

By ``--mixin ema``, or as one more entry of ``_base_``. The half-life is 1000 steps,
updated every 10, as in Composer's recipes for DeepLab v3+ (``EMA(half_life='1000ba',
update_interval='10ba')``): momentum = 1 - 0.5 ** (10 / 1000) = 0.0069. The running
statistics of BatchNorm are averaged, too. A checkpoint holds the average in
``state_dict`` and the weights that are trained in ``ema_state_dict``.
"""

custom_hooks = [dict(type='EMAHook', momentum=0.0069, interval=10, update_buffers=True)]
