"""The card of a model, in Markdown."""

from dataclasses import dataclass
from typing import Any

from .hub_head import hub_head
from .licences import data_of
from .published_metrics import Figures


@dataclass(frozen=True)
class Card:
    """All that a card tells.

    Args:
        name: Of the model.
        stem: Of the files: name and hash.
        suffix: Of the weights.
        sha256: Of the weights.
        size: Of the weights, bytes.
        parameters: Number.
        network: Segmentor, backbone and heads, in words.
        classes: Names.
        palette: Their colours, RGB, or None.
        dataset: Type of the data set that it was trained on.
        licence: Of the weights.
        figures: An evaluation, or None.
        facts: Of the training, by name.
        initial_weights: What parts of the network were initialised from.
        versions: Of packages, at publication.
        other_modules: What the config imports besides this package.
    """

    name: str
    stem: str
    suffix: str
    sha256: str
    size: int
    parameters: int
    network: str
    classes: list[str]
    palette: list[list[int]] | None
    dataset: str | None
    licence: str | None
    figures: Figures | None
    facts: dict[str, str]
    initial_weights: list[str]
    versions: dict[str, str]
    other_modules: list[str]

    def text(self) -> str:
        """Return the card."""
        data = data_of(self.dataset)
        parts = [
            hub_head(self.name, data, licence=self.licence, figures=self.figures),
            f'# {self.name}',
            self._summary(),
            self._usage(),
            self._figures(),
            '## Training\n\n' + _table(('', ''), self.facts.items()),
            self._classes(),
            self._licences(),
        ]
        return '\n\n'.join(part for part in parts if part) + '\n'

    def _summary(self) -> str:
        files = _table(
            ('file', 'holds'),
            [
                (
                    f'`{self.stem}{self.suffix}`',
                    f'weights, {self.size / 1e6:.1f} MB; classes, colours and the '
                    'config as text',
                ),
                (f'`{self.stem}.py`', 'the config, without `_base_`'),
            ],
        )
        return (
            f'Semantic segmentation in {len(self.classes)} classes: {self.network}. '
            f'{self.parameters / 1e6:.2f} M parameters.\n\n{files}\n\n'
            f'SHA-256 of the weights, its first eight digits in their name:\n'
            f'`{self.sha256}`'
        )

    def _usage(self) -> str:
        versions = ', '.join(f'{name} {v}' for name, v in self.versions.items())
        others = ''
        if self.other_modules:
            names = ', '.join(f'`{name}`' for name in self.other_modules)
            others = f' The config also imports {names}, which must be installed.'
        python = (
            'from mmseg.apis import inference_model, init_model\n\n'
            f"model = init_model('{self.stem}.py', '{self.stem}{self.suffix}', "
            "device='cpu')\n"
            "labels = inference_model(model, 'image.png').pred_sem_seg.data[0]\n"
            'print(labels.shape, labels.unique())  # H x W, ids of the classes below'
        )
        pair = f'{self.stem}.py {self.stem}{self.suffix}'
        return (
            '## Use\n\n'
            f'With the package `mmseg_deeplab` installed (published with {versions}), '
            f'in the folder of the files:{others}\n\n'
            f'```python\n{python}\n```\n\n'
            'With the tools of the package, in a clone of it:\n\n'
            f'```bash\npython tools/infer.py {pair} IMAGES --out predictions\n'
            f'python tools/test.py {pair}\n```'
        )

    def _figures(self) -> str:
        if self.figures is None:
            return '## Figures\n\nNone given.'
        table = _table(
            self.figures.overall, [[f'{v:.2f}' for v in self.figures.overall.values()]]
        )
        return f'## Figures\n\nPercent; {self.figures.source}.\n\n{table}'

    def _classes(self) -> str:
        per_class = self.figures.per_class if self.figures else {}
        palette = self.palette or [None] * len(self.classes)
        rows = []
        for index, (name, colour) in enumerate(zip(self.classes, palette, strict=True)):
            row = [index, name, '' if colour is None else ', '.join(map(str, colour))]
            if per_class:
                row.append(_percent(per_class[name].get('IoU')))
            rows.append(row)
        head = ['id', 'class', 'colour (RGB)', *(['IoU'] if per_class else [])]
        return '## Classes\n\n' + _table(head, rows)

    def _licences(self) -> str:
        data = data_of(self.dataset)
        rows = [
            ('code', 'Apache-2.0 (mmseg_deeplab)'),
            ('weights', self.licence or 'not stated by the publisher'),
            (f'training data: {data.name}', data.terms),
        ]
        if self.initial_weights:
            names = ', '.join(f'`{name}`' for name in self.initial_weights)
            rows.append((f'initial weights: {names}', 'those of their publishers'))
        return (
            '## Licences\n\n' + _table(('what', 'terms'), rows) + '\n\n'
            '**Check the licence of the training data before you use or pass on these '
            'weights**: whether it extends to them, and to commercial use, depends on '
            'the data set and on where you are. The remark above is no legal advice; '
            'the terms at the source count.'
        )


def _percent(value: float | None) -> str:
    return '-' if value is None else f'{value:.2f}'


def _table(head: Any, rows: Any) -> str:
    """Lay out a Markdown table."""
    lines = [list(head), ['---'] * len(list(head)), *rows]
    return '\n'.join(
        '| ' + ' | '.join(str(cell).replace('|', '\\|') for cell in line) + ' |'
        for line in lines
    )
