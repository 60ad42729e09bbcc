"""The network that an architecture search has found, as a config."""

import os
from pathlib import Path

from mmengine.config import ConfigDict

from mmseg_deeplab.checkpoints import load
from mmseg_deeplab.engine import newest_whole_checkpoint
from mmseg_deeplab.models.backbones.architecture_decoding import (
    architecture_scores,
    decode,
)
from mmseg_deeplab.models.backbones.auto_deeplab_net import STEM_CHANNELS
from mmseg_deeplab.models.backbones.genotype import Genotype, random_genotype
from mmseg_deeplab.utils.atomic_files import write_whole
from mmseg_deeplab.utils.errors import InputError

from .config_errors import load_config
from .shipped import find_config

TEXT = '''"""The network {name} of the search in {work_dir}.

    mmseg-deeplab train {config}
"""

_base_ = {base!r}
model = dict(
    backbone=dict(
        filters={filters},
        genotype=dict(
            levels={levels},
            blocks=[
                {blocks},
            ],
        ),
    ),
    decode_head=dict(in_channels={in_channels}, c1_in_channels={c1_in_channels}),
)
'''


def network_channels(genotype: Genotype, filters: int) -> tuple[int, int]:
    """Return the channels of the last cell and of the low-level features."""
    blocks = len(genotype.blocks)
    low_level = filters * blocks if 0 in genotype.levels else STEM_CHANNELS[-1]
    return filters * 2 ** genotype.levels[-1] * blocks, low_level


def set_genotype(
    model: ConfigDict, genotype: Genotype, *, filters: int | None = None
) -> None:
    """Put a network into the config of a segmentor on ``AutoDeepLabNet``."""
    if model.backbone.type != 'AutoDeepLabNet':
        raise InputError(
            f'backbone.type={model.backbone.type!r} cannot take a genotype: the '
            'backbone must be AutoDeepLabNet'
        )
    filters = filters or model.backbone.filters
    channels, low_level = network_channels(genotype, filters)
    blocks = [[list(branch) for branch in block] for block in genotype.blocks]
    model.backbone.update(
        filters=filters, genotype=dict(levels=list(genotype.levels), blocks=blocks)
    )
    model.decode_head.update(in_channels=channels, c1_in_channels=low_level)


def write_found_network(
    work_dir: str | Path, base: str, *, filters: int | None = None, random: int = 0
) -> list[Path]:
    """Decode the newest checkpoint of a search; return the configs that train it.

    ``found.py`` and ``genotype.json`` go to the folder of the search, and as many
    random networks of the same space as asked for, ``random_0.py``, ...: what a search
    has to beat. The configs inherit from ``base``, with its channels at stride 4 or
    ``filters``.
    """
    folder = Path(work_dir)
    checkpoint = newest_whole_checkpoint(folder)
    if checkpoint is None:
        raise FileNotFoundError(f'{work_dir} holds no whole checkpoint of a search')
    found = decode(*architecture_scores(load(checkpoint.path)['state_dict']))
    size = len(found.levels), len(found.blocks)
    networks = {'found': found}
    networks |= {f'random_{i}': random_genotype(*size, seed=i) for i in range(random)}
    base_path = find_config(base)
    for name, genotype in networks.items():
        model = load_config(base_path).model
        set_genotype(model, genotype, filters=filters)
        text = TEXT.format(
            name=name,
            work_dir=work_dir,
            config=folder / f'{name}.py',
            base=os.path.relpath(base_path, folder),
            filters=model.backbone.filters,
            levels=model.backbone.genotype.levels,
            blocks=',\n                '.join(map(str, model.backbone.genotype.blocks)),
            in_channels=model.decode_head.in_channels,
            c1_in_channels=model.decode_head.c1_in_channels,
        )
        write_whole(text.encode(), folder / f'{name}.py')
    found.save(folder / 'genotype.json')
    return [folder / f'{name}.py' for name in networks]
