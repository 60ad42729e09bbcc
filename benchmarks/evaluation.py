"""``eval``: a whole evaluation by ``tools/test.py``, from data loader to metrics."""

import json
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import DATASETS, HOOKS

from mmseg_deeplab.config.config_file import read_config
from mmseg_deeplab.config.shipped import configs_folder

from .case import Case, Errors, Row, Study, require
from .complexity import without_training_parts
from .data import DATA_SETS, DrawnDataSet, stock_step
from .measure import high_water, peak_since, start_peak
from .networks import Size, stock_segmentor
from .report import MEMORY, RATIO, column, rate_of
from .results_table import run_tool

CONFIG = 'deeplabv3_mobilenetv2_{}.py'  # for each of DATA_SETS
METRICS = ('IoUMetric', 'SegmentationMetric')
SEGMENTORS = ('EncoderDecoder', 'LeanEncoderDecoder')
TOLERANCE = 0.021  # percent; IoUMetric rounds to two decimals
COMPARED = ('mIoU', 'aAcc', 'mAcc')


class Job(NamedTuple):
    """An evaluation: a config, a checkpoint, and overrides of the config."""

    config: Path
    checkpoint: Path
    options: dict[str, Any]


def drawn_job(drawn: DrawnDataSet, folder: Path) -> Job:
    """Draw a data set and give its config a checkpoint of random weights."""
    config = configs_folder() / CONFIG.format(drawn.name)
    cfg = without_training_parts(Config.fromfile(config).model)
    model = stock_segmentor(cfg, drawn.size, torch.device('cpu'))
    checkpoint = folder / f'{drawn.name}.pth'
    torch.save(dict(state_dict=model.state_dict(), meta={}), checkpoint)
    return Job(config, checkpoint, dict(data_root=str(drawn.write(folder, 'val'))))


def evaluation_cases(
    drawn: DrawnDataSet, variants: Sequence[str], device: torch.device
) -> Iterator[Case]:
    """Make the case of a drawn data set."""
    with TemporaryDirectory(prefix='benchmark_') as temporary:
        folder = Path(temporary)
        yield evaluation_case(drawn_job(drawn, folder), folder, device)


def evaluation_case(job: Job, folder: Path, device: torch.device) -> Case:
    """Return the case of a job; its configs and results go to a folder."""
    facts: dict[str, float] = {}
    runs = {}
    for role in ('stock', 'ours'):
        cfg = side_config(job, role)
        hook = dict(type='LoopMeter', result=str(folder / f'{role}.json'))
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), hook]
        cfg.custom_imports = dict(imports=[__name__])
        cfg.dump(folder / f'{role}.py')
        runs[role] = partial(_run, role, folder, job.checkpoint, device, facts)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    size: Size = tuple(dataset[0]['inputs'].shape[-2:])
    return Case(
        group=f'{len(dataset)} of {size[0]} x {size[1]}',
        name=job.config.stem,
        **runs,
        compare=compare_metrics,
        device=device,
        facts=facts,
        measures_itself=True,
    )


def side_config(job: Job, role: str) -> Config:
    """Return the test config of one side.

    Stock has MMSegmentation's segmentor, transforms and metric; ours has the lean
    segmentor, ``fast_inference`` and ``SegmentationMetric``. Neither has a CRF.
    """
    stock = role == 'stock'
    mixins = [] if stock else ['fast_inference']
    cfg = read_config(job.config, job.options, mixins=mixins)
    evaluator = cfg.test_evaluator
    cfg.model.type = SEGMENTORS[0 if stock else 1]
    cfg.model.pop('crf', None)
    kept = {k: evaluator[k] for k in ('ignore_index', 'nan_to_num') if k in evaluator}
    cfg.test_evaluator = ConfigDict(type=METRICS[0 if stock else 1], **kept)
    # One worker decodes while the network runs; more would share its cores.
    cfg.test_dataloader.update(num_workers=1, persistent_workers=True)
    if stock:
        cfg.runner_type = 'Runner'  # mmengine's
        dataset = cfg.test_dataloader.dataset
        dataset.pipeline = [stock_step(step) for step in dataset.pipeline]
    return cfg


def run_side(
    tool: str, role: str, folder: Path, device: torch.device, *arguments: Any
) -> dict[str, Any]:
    """Run one of ``tools/`` with the config of a side; return what its meter wrote."""
    environment = dict(OMP_NUM_THREADS=str(torch.get_num_threads()))
    if device.type == 'cpu':
        environment['CUDA_VISIBLE_DEVICES'] = ''
    arguments = [folder / f'{role}.py', *arguments, '--work-dir', folder / role]
    run_tool(tool, arguments, folder / role, environment)
    return json.loads((folder / f'{role}.json').read_text())


def _run(
    role: str, folder: Path, checkpoint: Path, device: torch.device, facts: dict
) -> dict[str, Any]:
    found = run_side('test.py', role, folder, device, checkpoint)
    facts['images'] = found['images']
    facts[f'{role}_process_bytes'] = found['process_bytes']
    facts[f'{role}_mIoU'] = found['metrics']['mIoU']
    return found


def compare_metrics(stock: dict[str, Any], ours: dict[str, Any]) -> Errors:
    """Return the largest difference of mIoU and accuracies, in percent."""
    pairs = [(stock['metrics'][name], ours['metrics'][name]) for name in COMPARED]
    errors = dict(percent=max(abs(one - other) for one, other in pairs))
    require(errors['percent'] <= TOLERANCE, 'evaluation', errors)
    return errors


@HOOKS.register_module()
class LoopMeter(Hook):
    """Measures time and memory of the test loop, from the first image to the metrics.

    They go to the JSON file ``result``; ``peak_bytes`` is what the loop adds, and
    ``process_bytes`` the peak of the whole process (None on a GPU).
    """

    priority = 'LOWEST'

    def __init__(self, result: str) -> None:
        self.result = Path(result)
        self.device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')

    def before_test_epoch(self, runner: Runner) -> None:
        """Begin; what other hooks prepare before a test is done."""
        self._before = high_water()
        self._held = start_peak(self.device)
        self._start = time.perf_counter()

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """End and write the result."""
        peak = peak_since(self._held, self.device)  # waits for the GPU
        found = dict(seconds=time.perf_counter() - self._start, peak_bytes=peak)
        on_cpu = self.device.type == 'cpu' and self._before is not None
        found['process_bytes'] = max(self._before, high_water()) if on_cpu else None
        found['images'] = len(runner.test_dataloader.dataset)
        found['metrics'] = {name: float(value) for name, value in metrics.items()}
        self.result.write_text(json.dumps(found))


def _process_bytes(row: Row, role: str) -> float:
    return row['facts'][f'{role}_process_bytes']


STUDY = Study(
    help='a whole evaluation, from the data loader to the metrics',
    columns={
        'config': lambda row: f'`{row["name"]}`',
        'images': lambda row: row['group'],
        'stock, images/s': rate_of('stock'),
        'ours, images/s': rate_of('ours'),
        **RATIO,
        'loop, stock, MB': MEMORY['stock, MB'],
        'loop, ours, MB': MEMORY['ours, MB'],
        'times less memory': MEMORY['times less memory'],
        'process, stock, MB': column(lambda row: _process_bytes(row, 'stock') / 1e6),
        'process, ours, MB': column(lambda row: _process_bytes(row, 'ours') / 1e6),
        'times less': column(
            lambda row: _process_bytes(row, 'stock') / _process_bytes(row, 'ours'),
            '{:.1f}'.format,
        ),
        'mIoU of both': lambda row: ', '.join(
            f'{row["facts"][f"{role}_mIoU"]:.2f}' for role in ('stock', 'ours')
        ),
    },
    subjects=DATA_SETS,
    quick={'camvid': DATA_SETS['camvid']._replace(images=8)},
    cases=evaluation_cases,
)
