"""The card of a published model: Markdown below YAML, with the metrics.

https://huggingface.co/docs/hub/model-cards: uploaded as ``README.md``, the card is the
page of the model.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.config import Config

from mmseg_deeplab.config import named_dicts
from mmseg_deeplab.config.scan_config import dataset_configs
from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.json_files import read_json
from mmseg_deeplab.utils.optional_packages import optional_package
from mmseg_deeplab.visualization import read_scalars

from .published_config import initial_weights, portable_name

TAGS = ('semantic-segmentation', 'deeplab', 'mmsegmentation', 'pytorch')
# Names of metrics on the hub.
HUB_METRICS = {'mIoU': 'mean_iou', 'aAcc': 'accuracy'}
# Of `PanopticMetric`, `SegmentationMetric` and MMSegmentation's IoUMetric, percent.
NAMES = ['PQ', 'SQ', 'RQ', 'PQ_th', 'PQ_st']
NAMES += ['mIoU', 'aAcc', 'mAcc', 'fwIoU', 'mDice', 'mFscore', 'mPrecision', 'mRecall']
TEMPLATE = Path(__file__).with_name('model_card_template.md')


@dataclass(frozen=True)
class Metrics:
    """An evaluation."""

    source: str  # where the metrics are from, in words
    overall: dict[str, float]  # percent
    per_class: dict[str, dict[str, float | None]] = field(default_factory=dict)


def read_metrics(path: str | Path, classes: list[str]) -> Metrics:
    """Read the JSON file that ``mmseg-deeplab report`` or ``test`` has written.

    Raises a ValueError if it holds no metrics, or those of other classes.
    """
    path = Path(path)
    content = read_json(path)
    overall = _overall(content.get('metrics', content))
    if not overall:
        raise InputError(f'{path}: no metrics; mmseg-deeplab report writes such a file')
    per_class = content.get('per_class', {})
    if per_class and list(per_class) != classes:
        raise InputError(
            f'{path}: its classes {list(per_class)} are those of another model'
        )
    return Metrics(f'evaluation in `{path.name}`', overall, per_class)


def logged_metrics(folder: Path, step: int | None) -> Metrics | None:
    """Return the validation that the log of a training has at a step."""
    if step is None or not any(folder.glob('*/vis_data/scalars.json')):
        return None
    for record in read_scalars(folder):
        if record['step'] == step and 'loss' not in record and 'mIoU' in record:
            source = f'validation at iteration {step}, from the log of the training'
            return Metrics(source, _overall(record))
    return None


def _overall(record: dict[str, Any]) -> dict[str, float]:
    return {
        name: round(float(record[name]), 2)
        for name in NAMES
        if isinstance(record.get(name), int | float)
    }


def model_card(
    cfg: Config,
    meta: dict[str, Any],
    values: dict[str, Any],
    *,
    metrics: Metrics | None,
    is_average: bool,
) -> str:
    """Return the text of a card.

    ``values`` are what the template tells of the files, the network, its classes, and
    its ``name`` and ``licence`` (None if the publisher states none).
    """
    hub = optional_package('huggingface_hub', extra='hub', purpose='publishing')
    data = str(_dataset(cfg).get('type', 'unknown')).removesuffix('Dataset')
    results = [
        hub.EvalResult(
            task_type='image-segmentation',
            dataset_type=data.lower(),
            dataset_name=data,
            metric_type=HUB_METRICS[metric],
            metric_name=metric,
            metric_value=value,
        )
        for metric, value in (metrics.overall if metrics else {}).items()
        if metric in HUB_METRICS
    ]
    head = hub.ModelCardData(
        license=values['licence'] or 'unknown',  # an entry of the hub's list
        library_name='mmseg_deeplab',
        pipeline_tag='image-segmentation',
        tags=[*TAGS, data.lower()],
        metrics=['mean_iou'],
        model_name=values['name'],
        eval_results=results or None,
    )
    per_class = metrics.per_class if metrics else {}
    card = hub.ModelCard.from_template(
        head,
        template_path=str(TEMPLATE),
        network=_network(cfg.model),
        modules=cfg.get('custom_imports', {}).get('imports'),
        metrics=metrics,
        iou={c: m['IoU'] for c, m in per_class.items() if m.get('IoU') is not None},
        facts=_facts(cfg, meta, is_average=is_average),
        data=data,
        initial=initial_weights(cfg.model),
        **values,
    )
    return card.content + '\n'


def _network(model: dict[str, Any]) -> str:
    backbone, heads = model['backbone'], model['decode_head']
    heads = heads if isinstance(heads, list | tuple) else [heads]
    parts = [f'`{model["type"]}` of `{backbone["type"]}`']
    parts += [f'{k} {backbone[k]}' for k in ('depth', 'output_stride') if k in backbone]
    parts += [f'`{head["type"]}`' for head in heads]
    return ', '.join([*parts, *(['a dense CRF'] if model.get('crf') else [])])


def _dataset(cfg: Config) -> dict[str, Any]:
    """Return the config of the training set, the first one if there are several."""
    return next(dataset_configs(cfg.get('train_dataloader')), {})


def _facts(cfg: Config, meta: dict[str, Any], *, is_average: bool) -> dict[str, Any]:
    """Return what config and checkpoint tell of the training."""
    loader, wrapper = cfg.get('train_dataloader') or {}, cfg.get('optim_wrapper') or {}
    crops = [n['crop_size'] for _, n in named_dicts(loader) if 'crop_size' in n]
    optimizer = wrapper.get('optimizer') or {}
    shown = [key for key in ('lr', 'momentum', 'weight_decay') if key in optimizer]
    settings = [str(optimizer.get('type', '')), *(f'{k} {optimizer[k]}' for k in shown)]
    facts = {
        'data': _dataset(cfg).get('type'),
        'iterations': meta.get('iter'),
        'planned iterations': (cfg.get('train_cfg') or {}).get('max_iters'),
        'images per step and process': loader.get('batch_size'),
        'steps with accumulated gradients': wrapper.get('accumulative_counts'),
        'crop (rows, columns)': ' x '.join(map(str, crops[-1])) if crops else None,
        'optimizer': ', '.join(settings),
        'started from': cfg.get('load_from') and portable_name(cfg.load_from),
        'seed': meta.get('seed'),
        'weights': 'exponential moving average' if is_average else None,
    }
    return {name: fact for name, fact in facts.items() if fact not in (None, '')}
