"""The sub-commands of ``tools/benchmark.py``.

Each module has ``HELP``, ``COLUMNS`` of the table, ``add_options(parser)`` and
``cases(args, settings)``; ``draw``, where it does not take the bar chart.
"""

from types import ModuleType

from . import crf, data, evaluate, export, growth, infer, ops, train

COMMANDS: dict[str, ModuleType] = {
    'ops': ops,
    'crf': crf,
    'data': data,
    'infer': infer,
    'train': train,
    'eval': evaluate,
    'growth': growth,
    'export': export,
}
