"""For the comparison table on CamVid without a GPU: ``adamw_short.py``, 800 steps.

``python -m benchmarks table`` stretches it.
"""

_base_ = ['./adamw_short.py']
