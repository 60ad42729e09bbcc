"""The model zoo: public checkpoints of DeepLab by name, from ``hub/model_zoo.json``."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from typing import Any

from prettytable import PrettyTable

from mmseg_deeplab.utils.errors import InputError

DATA = files('mmseg_deeplab') / 'hub' / 'model_zoo.json'


@dataclass(frozen=True)
class ZooModel:
    """One public checkpoint."""

    name: str  # in the style of the configs
    family: str  # the code base that published it
    method: str
    dataset: str
    urls: tuple[str, ...]  # of one file, the first one is tried first
    licence: str  # as far as the publisher states one
    backbone: str = ''
    aliases: tuple[str, ...] = ()  # short names, and the publisher's own
    classes: int | None = None
    metric: str | None = None
    value: float | None = None  # published, percent, at a single scale
    value_ms_flip: float | None = None  # published, several scales and mirror images
    protocol: str = ''  # where the metric is not the usual one of the validation set
    sha256: str = ''  # first digits, as far as they are published
    file_name: str = ''  # where the address does not end in one
    # A config of this package by its name, or ``mmseg::PATH`` for one of the configs
    # that MMSegmentation installs; none where the file is converted.
    config: str | None = None
    # Arguments of `convert_file`: ``source``, perhaps ``output_stride``.
    convert: Mapping[str, Any] = field(default_factory=dict)
    class_names: str | None = None  # for MMSegmentation's `get_classes`
    unsupported: str | None = None  # what the file is, where no converter reads it
    not_verified: tuple[str, ...] = ()  # fields that nobody has looked up

    def published_metrics(self) -> str:
        """Return the published metrics for a table."""
        values = [self.value, self.value_ms_flip]
        if values == [None, None]:
            return '-'
        return ' / '.join('-' if v is None else f'{v:.2f}' for v in values)

    def notes(self) -> str:
        """Return what a table says at the end of the row."""
        notes = [self.protocol]
        if self.not_verified:
            notes.append(f'not verified: {", ".join(self.not_verified)}')
        if not self.sha256 and not self.unsupported:
            notes.append('no published hash')
        if self.unsupported:
            notes.append(f'not supported yet: {self.unsupported}')
        return '; '.join(filter(None, notes))


@cache
def zoo_models() -> tuple[ZooModel, ...]:
    """Return all models of the zoo."""
    entries = json.loads(DATA.read_text(encoding='utf-8'))
    lists = ('urls', 'aliases', 'not_verified')
    return tuple(
        ZooModel(**entry | {name: tuple(entry.get(name, ())) for name in lists})
        for entry in entries
    )


@cache
def _by_name() -> dict[str, ZooModel]:
    models = zoo_models()
    return {name: one for one in models for name in (one.name, *one.aliases)}


def zoo_model(name: str) -> ZooModel | None:
    """Return the model of a name or an alias."""
    return _by_name().get(name)


def nearest_models(name: str) -> list[str]:
    """Return names of the zoo that are like an unknown one, the nearest first."""
    return difflib.get_close_matches(name, _by_name(), n=4, cutoff=0.55)


def find_models(pattern: str = '*') -> list[ZooModel]:
    """Return the models that a text or a pattern with ``*`` and ``?`` chooses.

    It is compared with the names of a model, its data set and its code base.

    Raises:
        InputError: If it chooses none.
    """
    wanted = (pattern if re.search(r'[*?[]', pattern) else f'*{pattern}*').lower()
    found = [
        one
        for one in zoo_models()
        if any(
            fnmatch(name.lower(), wanted)
            for name in (one.name, *one.aliases, one.dataset, one.family)
        )
    ]
    if not found:
        near = nearest_models(pattern)
        hint = f'; the nearest names are {", ".join(near)}' if near else ''
        raise InputError(f'{pattern!r}: no model has such a name{hint}')
    return found


def models_table(models: Iterable[ZooModel]) -> PrettyTable:
    """Return a table of models, one a line; its columns can be printed as Markdown."""
    names = ('name', 'other names', 'data set', 'K', 'metric', 'licence', 'remarks')
    table = PrettyTable(names, align='l')
    for one in models:
        short = [name for name in one.aliases if re.fullmatch(r'[a-z0-9_]+', name)]
        metrics = f'{one.metric} {one.published_metrics()}' if one.metric else '-'
        classes = one.classes or '-'
        table.add_row(
            [
                one.name,
                ', '.join(short[:2]),
                one.dataset,
                classes,
                metrics,
                one.licence,
                one.notes(),
            ]
        )
    return table
