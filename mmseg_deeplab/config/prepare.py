"""What ``tools/train.py`` and ``tools/test.py`` do with a config before they run it.

The interface is MMSeg's; what differs is told in the functions.
"""

import inspect
import os
import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict, DictAction
from mmengine.dist import is_distributed, master_only
from mmengine.runner import Runner
from mmseg.models.losses.utils import get_class_weight
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS, RUNNERS

from mmseg_deeplab.engine import InferenceSpeedHook, ResumableRunner
from mmseg_deeplab.engine.distributed import (
    init_cpu_process_group,
    require_one_gpu_each,
)
from mmseg_deeplab.models import CRFTTAModel, LeanEncoderDecoder, set_output_stride
from mmseg_deeplab.models.segmentors.lean_loss import plain_loss_is_configured

from .config_file import load_config as read_config
from .config_file import named_dicts
from .crf_settings import load_crf
from .log_packages import check_log_packages
from .overrides import apply_mixins


def add_launch_arguments(parser: ArgumentParser) -> None:
    """Add the options that training and testing share.

    Args:
        parser: Gets ``--work-dir``, ``--cfg-options``, ``--launcher`` and
            ``--local-rank``.
    """
    parser.add_argument(
        '--work-dir', help='folder for logs and checkpoints (work_dirs/<config name>)'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        metavar='KEY=VALUE',
        help='override settings of the config, such as train_dataloader.batch_size=4; '
        'lists as key=a,b or key="[(a,b),(c,d)]" without blanks',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what has started the processes of a distributed run',
    )
    # Older launchers pass the rank as an option instead of in the environment.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End the program with one line instead of a traceback for a user's mistake.

    Only for the steps before the run, where ValueError, TypeError and
    FileNotFoundError are messages of this package.
    """
    try:
        yield
    except (ValueError, TypeError, FileNotFoundError) as error:
        sys.exit(f'error: {error}')


def load_config(
    config: str,
    *,
    work_dir: str | None = None,
    cfg_options: dict[str, Any] | None = None,
    launcher: str = 'none',
    local_rank: int = 0,
    mixins: Sequence[str] = (),
) -> Config:
    """Read a config and put the options of the command line into it.

    Args:
        config: Path of the config file.
        work_dir: Goes before the config's own; the default is
            ``work_dirs/<config name>``.
        cfg_options: Overrides, dotted keys; ``data_root`` reaches every data set.
        launcher: ``'none'``, ``'pytorch'``, ``'slurm'`` or ``'mpi'``.
        local_rank: For launchers that do not set ``LOCAL_RANK``.
        mixins: Merged before ``cfg_options``: see :func:`apply_mixins`.

    Raises:
        FileNotFoundError: If there is no such file, or no such mixin.
        ValueError: If a mixin does not fit the config.
    """
    path = Path(config)
    if not path.is_file():
        raise FileNotFoundError(
            f'config {config!r} does not exist (current folder {os.getcwd()}); '
            'give the path of one of configs/*.py'
        )
    os.environ.setdefault('LOCAL_RANK', str(local_rank))
    cfg = read_config(
        str(path), cfg_options, prepare=lambda cfg: apply_mixins(cfg, mixins)
    )
    cfg.launcher = launcher
    cfg.work_dir = work_dir or cfg.get('work_dir') or f'work_dirs/{path.stem}'
    return cfg


def prepare_training(
    cfg: Config,
    *,
    resume: bool = False,
    resume_from: str | None = None,
    amp: bool = False,
    output_stride: int | None = None,
) -> None:
    """Set a config up for training.

    Args:
        cfg: Changed in place.
        resume: Go on from the newest whole checkpoint of the work folder; if there is
            none, start as configured, ``load_from`` included.
        resume_from: With ``resume``, go on from this file instead.
        amp: Mixed precision.
        output_stride: Train at another output stride than the config's.

    Raises:
        FileNotFoundError: If a folder of the data, ``load_from`` or a file of class
            weights is missing.
        ValueError: If ``amp`` cannot be had, class weights do not fit, or a package
            is missing that the visualizer logs with.
    """
    cfg.resume = resume
    if resume and not resume_from:
        cfg.resume = 'auto'  # see ResumableRunner
    elif resume:
        cfg.load_from = resume_from
    check_data(cfg, 'train_dataloader', 'val_dataloader')
    check_log_packages(cfg)
    if cfg.get('load_from'):
        check_checkpoint(cfg.load_from)
    check_class_weights(cfg.model)
    if output_stride is not None:
        cfg.model = ConfigDict(set_output_stride(cfg.model, output_stride))
    if amp:
        enable_amp(cfg)
    prepare_device(cfg)


def prepare_testing(
    cfg: Config,
    checkpoint: str,
    *,
    out: str | None = None,
    show: bool = False,
    show_dir: str | None = None,
    wait_time: float = 2.0,
    tta: bool = False,
    output_stride: int | None = None,
    crf: str | bool = False,
) -> None:
    """Set a config up for testing.

    Args:
        cfg: Changed in place.
        checkpoint: File or URL of the weights.
        out: Folder for the predicted label maps.
        show: Show predictions in a window.
        show_dir: Folder for painted images.
        wait_time: Seconds that each window stays.
        tta: Test-time augmentation by ``cfg.tta_pipeline``.
        output_stride: Evaluate at another output stride than the config's.
        crf: Refine the predictions by a dense CRF: see :func:`enable_crf`.

    Raises:
        FileNotFoundError: If the checkpoint, a folder of the data or the CRF fragment
            is missing.
        ValueError: If the config lacks what an option needs.
    """
    check_checkpoint(checkpoint)
    check_data(cfg, 'test_dataloader')
    check_log_packages(cfg)
    cfg.load_from = checkpoint
    cfg.resume = False
    add_inference_speed(cfg)
    if output_stride is not None:
        cfg.model = ConfigDict(set_output_stride(cfg.model, output_stride))
    if out is not None:
        write_predictions(cfg, out)
    if show or show_dir:
        paint_predictions(cfg, show=show, show_dir=show_dir, wait_time=wait_time)
    if crf:
        enable_crf(cfg, crf)
    if tta:
        enable_tta(cfg)
    prepare_device(cfg)


def add_inference_speed(cfg: Config) -> None:
    """Let ``model.test_cfg.inference`` be the settings of an ``InferenceSpeedHook``.

    ``--cfg-options model.test_cfg.inference.fold_bn=True`` does what ``--mixin
    fast_inference`` does; a setting that is not named is as the hook has it.

    Args:
        cfg: Changed in place.

    Raises:
        ValueError: If there is no such setting.
    """
    settings = (cfg.model.get('test_cfg') or {}).get('inference')
    if not settings:
        return
    known = list(inspect.signature(InferenceSpeedHook).parameters)
    unknown = [name for name in settings if name not in known]
    if unknown:
        raise ValueError(
            f'model.test_cfg.inference has no setting {unknown}: choose among {known}'
        )
    hook = ConfigDict(type='InferenceSpeedHook', **settings)
    cfg.custom_hooks = [*cfg.get('custom_hooks', ()), hook]


def build_runner(cfg: Config) -> Runner:
    """Build the runner: the config's ``runner_type``, else :class:`ResumableRunner`."""
    if 'runner_type' in cfg:
        return RUNNERS.build(cfg)
    return ResumableRunner.from_cfg(cfg)


def prepare_device(cfg: Config) -> None:
    """Fit a config to the machine.

    Without a GPU a distributed run takes gloo instead of nccl, and plain batch
    normalisation instead of the synchronised one, which torch has for GPUs only.

    Args:
        cfg: Changed in place.

    Raises:
        ValueError: If there are fewer GPUs than processes on this machine.
    """
    if cfg.launcher == 'none':
        return
    if torch.cuda.is_available():
        require_one_gpu_each(cfg.launcher)
        return
    cfg.merge_from_dict({'env_cfg.dist_cfg': {'backend': 'gloo'}})
    if not is_distributed():
        init_cpu_process_group(cfg.launcher)
    converts = cfg.pop('sync_bn', None) is not None
    if replace_sync_bn(cfg.model) or converts:
        _say('SyncBN needs GPUs: each process normalises over its own batch (BN).')
    cfg.setdefault(
        'model_wrapper_cfg',
        ConfigDict(
            type='MMDistributedDataParallel',
            device_ids=None,  # the host's default is a GPU
            broadcast_buffers=False,
            find_unused_parameters=cfg.get('find_unused_parameters', False),
        ),
    )


def replace_sync_bn(node: Any) -> bool:
    """Replace ``type='SyncBN'`` by ``'BN'`` at any depth.

    Args:
        node: A config or a part of one; changed in place.

    Returns:
        Whether anything was replaced.
    """
    if isinstance(node, (list, tuple)):
        return sum(map(replace_sync_bn, node)) > 0
    if not isinstance(node, dict):
        return False
    own = node.get('type') == 'SyncBN'
    if own:
        node['type'] = 'BN'
    return own + sum(map(replace_sync_bn, node.values())) > 0


def enable_amp(cfg: Config) -> None:
    """Take mmengine's ``AmpOptimWrapper`` with dynamic loss scaling.

    Args:
        cfg: Changed in place.

    Raises:
        ValueError: If there is no GPU, or the config has a wrapper of its own.
    """
    if not torch.cuda.is_available():
        raise ValueError('--amp needs a GPU and none is visible; leave it out')
    wrapper = cfg.optim_wrapper.get('type', 'OptimWrapper')
    if wrapper in ('AmpOptimWrapper', 'MixedPrecisionOptimWrapper'):
        return
    if wrapper != 'OptimWrapper':
        raise ValueError(
            f"--amp replaces optim_wrapper.type 'OptimWrapper', got {wrapper!r}; set "
            'mixed precision in the config instead'
        )
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.loss_scale = 'dynamic'


def enable_crf(cfg: Config, crf: str | bool = True) -> None:
    """Let a dense CRF refine the predictions.

    An ``EncoderDecoder`` becomes a ``LeanEncoderDecoder``, which has its weights.

    Args:
        cfg: Changed in place.
        crf: File of a CRF fragment, see :func:`load_crf`; True takes the config's own
            ``model.crf``, and where there is none the settings of the released
            ResNet-101, which are the defaults of ``DenseCRF``.

    Raises:
        FileNotFoundError: If there is no such fragment.
        ValueError: If the segmentor has no place for a CRF, or the fragment is none.
    """
    model = cfg.model
    take_lean_segmentor(model)
    if not _is_a(model.type, LeanEncoderDecoder):
        raise ValueError(
            f'--crf needs a segmentor of the EncoderDecoder family, '
            f'model.type={model.type!r} is none: it goes with EncoderDecoder, '
            'LeanEncoderDecoder and MultiScaleEncoderDecoder'
        )
    if isinstance(crf, str):
        model.crf = ConfigDict(load_crf(crf))
    elif not model.get('crf'):
        model.crf = ConfigDict(type='DenseCRF')


def take_lean_segmentor(model: ConfigDict) -> None:
    """Make an ``EncoderDecoder`` a ``LeanEncoderDecoder``, which predicts the same.

    Args:
        model: The config of a segmentor; changed in place, others are left alone.
    """
    if model.type == 'EncoderDecoder' or MODELS.get(model.type) is EncoderDecoder:
        model.type = 'LeanEncoderDecoder'


def enable_tta(cfg: Config) -> None:
    """Wrap the model for test-time augmentation.

    With a CRF, ``SegTTAModel`` becomes :class:`CRFTTAModel`, which refines the average
    of the views and not each view.

    Args:
        cfg: Changed in place.

    Raises:
        ValueError: If the config has no ``tta_pipeline``, or a ``tta_model`` that would
            run its CRF on every view.
    """
    if 'tta_pipeline' not in cfg:
        raise ValueError('--tta needs tta_pipeline in the config, which has none')
    cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
    wrapper = ConfigDict(cfg.get('tta_model') or dict(type='SegTTAModel'))
    if cfg.model.get('crf'):
        if wrapper.type == 'SegTTAModel':
            wrapper.type = 'CRFTTAModel'
        if not _is_a(wrapper.type, CRFTTAModel):
            raise ValueError(
                f'tta_model.type={wrapper.type!r} would run the CRF on every view: '
                'derive it from CRFTTAModel, or leave --crf or --tta out'
            )
    cfg.model = ConfigDict(**wrapper, module=cfg.model)


def _is_a(name: str | type | None, kind: type) -> bool:
    """Whether a type in a config is a class of the registry derived from another."""
    found = MODELS.get(name) if isinstance(name, str) else name
    return isinstance(found, type) and issubclass(found, kind)


def write_predictions(cfg: Config, folder: str) -> None:
    """Let the metric write the predicted label maps.

    Args:
        cfg: Changed in place.
        folder: Where to.

    Raises:
        ValueError: If the config has no metric, or several.
    """
    evaluator = cfg.get('test_evaluator')
    if isinstance(evaluator, (list, tuple)) and len(evaluator) == 1:
        evaluator = evaluator[0]
    if not isinstance(evaluator, dict):
        raise ValueError(f'--out needs one test_evaluator, the config has {evaluator}')
    evaluator['output_dir'] = folder
    evaluator['keep_results'] = True


def paint_predictions(
    cfg: Config, *, show: bool, show_dir: str | None, wait_time: float
) -> None:
    """Let the visualization hook paint the predictions over the images.

    Args:
        cfg: Changed in place.
        show: In a window.
        show_dir: Into a folder.
        wait_time: Seconds that each window stays.

    Raises:
        ValueError: If the config has no such hook.
    """
    hook = cfg.get('default_hooks', {}).get('visualization')
    if hook is None:
        raise ValueError(
            '--show and --show-dir need default_hooks.visualization in the config, '
            "such as dict(type='SampleVisualizationHook')"
        )
    hook['draw'] = True
    if show:
        hook.update(show=True, wait_time=wait_time)
    if show_dir:
        cfg.visualizer['save_dir'] = show_dir


def check_checkpoint(checkpoint: str) -> None:
    """Raise FileNotFoundError if a checkpoint on the local disk is not there.

    Args:
        checkpoint: Path, or a name with a scheme, which is left to the loader.
    """
    if '://' not in checkpoint and not Path(checkpoint).expanduser().is_file():
        raise FileNotFoundError(
            f'checkpoint {checkpoint!r} does not exist (current folder {os.getcwd()})'
        )


def check_class_weights(model: ConfigDict) -> None:
    """Check the class weights in the losses of the heads.

    Args:
        model: The config of a segmentor.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If there is another number of weights than of classes, or the host
            cannot take them.
    """
    is_lean = _is_a(model.get('type'), LeanEncoderDecoder)
    for name, head in named_dicts(model, 'model'):
        for part, loss in named_dicts(head.get('loss_decode'), 'loss_decode'):
            if loss.get('class_weight') is None:
                continue
            _check_weights_fit(loss.class_weight, head.get('num_classes'))
            if (
                loss.get('avg_non_ignore')
                and loss.get('type') == 'CrossEntropyLoss'
                and not (is_lean and plain_loss_is_configured(head))
            ):
                raise ValueError(
                    f'{name}.{part}: class_weight and avg_non_ignore=True; the host '
                    'cannot do both. Remedy: avg_non_ignore=False, with which its mean '
                    "is over labelled pixels, too, or model.type='LeanEncoderDecoder' "
                    'with no other loss and no sampler in this head'
                )


def _check_weights_fit(weights: str | list[float], num_classes: int | None) -> None:
    remedy = 'write those of this data set: python tools/class_weights.py CONFIG --out '
    remedy += weights if isinstance(weights, str) else 'FILE'
    if isinstance(weights, str) and not Path(weights).is_file():
        raise FileNotFoundError(f'class weights {weights!r} do not exist; {remedy}')
    found = len(get_class_weight(weights))
    if num_classes is not None and found != num_classes:
        raise ValueError(
            f'class_weight={weights!r}: {found} class weights for {num_classes} '
            f'classes; {remedy}'
        )


def check_data(cfg: Config, *loaders: str) -> None:
    """Raise FileNotFoundError, naming what to do, if a data folder is missing.

    Args:
        cfg: The whole config.
        loaders: Names of data loaders in it; absent ones are passed over.
    """
    for loader in loaders:
        for path, dataset in _data_paths((cfg.get(loader) or {}).get('dataset')):
            if '://' not in path and not os.path.exists(path):
                raise FileNotFoundError(
                    f'{loader}: {path!r} of {dataset["type"]} does not exist '
                    f'(current folder {os.getcwd()}). Put the data there, or name its '
                    f'folder: --cfg-options {loader}.dataset.data_root=FOLDER'
                )


def _data_paths(node: Any) -> Iterator[tuple[str, dict]]:
    """Yield the root and the folders of each data set in a (wrapped) config."""
    if isinstance(node, (list, tuple)):
        for child in node:
            yield from _data_paths(child)
    if not isinstance(node, dict):
        return
    if root := node.get('data_root'):
        yield root, node
        parts = [node.get('ann_file'), *node.get('data_prefix', {}).values()]
        for part in filter(None, parts):
            yield os.path.join(root, part), node
    yield from _data_paths(node.get('dataset'))
    yield from _data_paths(node.get('datasets'))


@master_only
def _say(message: str) -> None:
    print(message, file=sys.stderr)
