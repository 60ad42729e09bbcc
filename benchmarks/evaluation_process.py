"""One evaluation in a process of its own: time, memory, figures.

python -m benchmarks.evaluation_process CONFIG CHECKPOINT RESULT.json
"""

import json
import time
from argparse import ArgumentParser
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmseg_deeplab.checkpoints import enable_safe_loading
from mmseg_deeplab.config import prepare as launch

from .memory import high_water, peak_since, start_peak


class LoopMeter(Hook):
    """Takes time and memory of the test loop, from the first image to the figures.

    Args:
        device: Where the network runs.

    Attributes:
        seconds: Of the loop, workers of the data loader started.
        peak_bytes: The most that it held beyond what was held before.
        process_bytes: The most that this process held at any time; None on a GPU.
    """

    priority = 'LOWEST'

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds = 0.0
        self.peak_bytes: int | None = None
        self.process_bytes: int | None = None

    def before_test_epoch(self, runner: Runner) -> None:
        """Begin; what other hooks prepare before a test is done."""
        self._before = high_water()
        self._held = start_peak(self.device)
        self._start = time.perf_counter()

    def after_test_epoch(self, runner: Runner, metrics: dict | None = None) -> None:
        """End; the figures are there."""
        if self.device.type == 'cuda':
            torch.cuda.synchronize(self.device)
        self.seconds = time.perf_counter() - self._start
        self.peak_bytes = peak_since(self._held, self.device)
        if self.device.type == 'cpu' and self._before is not None:
            self.process_bytes = max(self._before, high_water())


def evaluate(config: str, checkpoint: str, *, device: torch.device) -> dict:
    """Evaluate as ``tools/test.py`` does.

    Args:
        config: File.
        checkpoint: File.
        device: What the runner will choose.

    Returns:
        Seconds, bytes and figures.
    """
    cfg = Config.fromfile(config)
    launch.prepare_testing(cfg, checkpoint)
    runner = launch.build_runner(cfg)
    meter = LoopMeter(device)
    runner.register_hook(meter)
    figures = runner.test()
    return dict(
        seconds=meter.seconds,
        images=len(runner.test_dataloader.dataset),
        peak_bytes=meter.peak_bytes,
        process_bytes=meter.process_bytes,
        figures={name: float(value) for name, value in figures.items()},
    )


def main() -> None:
    """Evaluate, then write."""
    parser = ArgumentParser(description='Evaluate and measure')
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('result', help='JSON file to write')
    parser.add_argument('--threads', type=int, required=True)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    enable_safe_loading()
    device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')
    found = evaluate(args.config, args.checkpoint, device=device)
    Path(args.result).write_text(json.dumps(found))


if __name__ == '__main__':
    main()
