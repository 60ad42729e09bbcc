"""Search or learn a CRF, and write what was found."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .fragment import write_fragment
from .heatmap import plot_learning, plot_search
from .learn import LEARNABLE, CRFLearner
from .preparation import TuningSetup
from .ranges import AXES, SearchRanges
from .search import CRFSearch
from .search_journal import Journal


def search_crf(
    setup: TuningSetup, ranges: SearchRanges, *, rounds: int = 2
) -> dict[str, Any]:
    """Search coarse to fine; write ``crf.py``, ``search.json`` and ``search.png``.

    Args:
        setup: Images and network.
        ranges: What to search.
        rounds: Finer rounds after the coarse grid.

    Returns:
        ``crf``, ``comparison``, ``files`` and ``notes``.

    Raises:
        ValueError: If ``search.json`` is of other settings.
    """
    if rounds < 0:
        raise ValueError(f'rounds={rounds}: none or more (--fine-rounds)')
    options = setup.options
    fixed = dict(
        gaussian_weight=ranges.gaussian_weight,
        gaussian_xy=ranges.gaussian_xy,
        num_iterations=options.num_iterations,
    )
    journal = Journal(
        options.work_dir / 'search.json',
        {**setup.settings(), **fixed},
        restart=options.restart,
    )
    setup.predict()
    search = CRFSearch(
        ranges,
        journal,
        num_iterations=options.num_iterations,
        rounds=rounds,
        device=setup.device,
    )
    best = search.run(setup.samples, len(setup.tuning))
    found = search.crf_config(best)
    comparison = setup.compare(found, journal)
    notes = [
        f'the best {axis} is at the end of its range: a wider one (--{_option(axis)}) '
        'may hold a better one'
        for axis in ranges.on_border(best)
    ]
    crf, comparison, more = _not_worse(setup, found, comparison, journal)
    count = f'{len(search.results())} settings, coarse to fine'
    result = dict(crf=crf, comparison=comparison, notes=notes + more)
    files = _write(setup, result, stem='crf', how=f'found by a search of {count}')
    files['picture'] = options.work_dir / 'search.png'
    plot_search(
        search.results(),
        files['picture'],
        references={k: comparison['tuning'][k] for k in ('without', 'start')},
        title=f'{options.config}: {count}, {len(setup.tuning)} images',
    )
    return dict(result, files=files)


def learn_crf(
    setup: TuningSetup,
    *,
    epochs: int = 5,
    lr: float = 0.01,
    learnable: Sequence[str] = LEARNABLE,
    num_iterations: int = 5,
) -> dict[str, Any]:
    """Learn by gradient; write ``crf_learned.py``, ``learning.json`` and ``.png``.

    Args:
        setup: Images and network.
        epochs: See :class:`CRFLearner`, as the others.
        lr: Relative learning rate.
        learnable: What to learn.
        num_iterations: Mean-field iterations while learning.

    Returns:
        As :func:`search_crf`.

    Raises:
        ValueError: If the files are of other settings, or an option is out of range.
    """
    options = setup.options
    settings = setup.settings()
    journal = Journal(
        options.work_dir / 'learning.json', settings, restart=options.restart
    )
    setup.predict()
    learner = CRFLearner(
        setup.start,
        setup.num_classes,
        state_file=options.work_dir / 'learning.pth',
        settings=settings,
        epochs=epochs,
        lr=lr,
        learnable=learnable,
        num_iterations=num_iterations,
        test_iterations=options.num_iterations,
        seed=options.seed,
        device=setup.device,
        restart=options.restart,
    )
    found = learner.run(len(setup.tuning), setup.read)
    journal.write(history=learner.history)
    comparison = setup.compare(found, journal)
    best = learner.best['epoch']
    result = dict(crf=found, comparison=comparison, notes=_helps(comparison))
    how = (
        f'learned in {epochs} epochs (epoch {best} is kept) through {num_iterations} '
        f'mean-field iterations'
    )
    files = _write(setup, result, stem='crf_learned', how=how)
    files['picture'] = options.work_dir / 'learning.png'
    title = f'{options.config}: {len(setup.tuning)} images'
    plot_learning(learner.history, files['picture'], best=best, title=title)
    return dict(result, files=files)


def _not_worse(
    setup: TuningSetup,
    found: dict[str, Any],
    comparison: dict[str, Any],
    journal: Journal,
) -> tuple[dict[str, Any], dict[str, Any], list[str]]:
    """Keep the start where nothing that was searched is better on the tuning images."""
    figures = comparison['tuning']
    if figures['tuned'] >= figures['start']:
        return found, comparison, _helps(comparison)
    note = (
        f'the start ({figures["start"]:.2f}) is better on the tuning images than all '
        f'that was searched ({figures["tuned"]:.2f}) and is kept'
    )
    comparison = setup.compare(setup.start, journal)
    return setup.start, comparison, [note, *_helps(comparison)]


def _helps(comparison: dict[str, Any]) -> list[str]:
    return [
        f'the CRF does not help this model on the {name} images: '
        f'{figures["without"]:.2f} without, {figures["tuned"]:.2f} with it'
        for name, figures in comparison.items()
        if figures['tuned'] < figures['without']
    ]


def _option(axis: str) -> str:
    return axis.replace('_', '-')


def _write(
    setup: TuningSetup, result: dict[str, Any], *, stem: str, how: str
) -> dict[str, Path]:
    path = setup.options.work_dir / f'{stem}.py'
    docstring = '\n'.join(_docstring(setup, result, path, how))
    write_fragment(path, result['crf'], docstring=docstring)
    return dict(fragment=path)


def _docstring(
    setup: TuningSetup, result: dict[str, Any], path: Path, how: str
) -> list[str]:
    options = setup.options
    return [
        f'Dense CRF {how}.',
        '',
        f'Network: {options.config}',
        f'with {options.checkpoint}'
        + (', test-time augmentation.' if options.tta else '.'),
        f'Tuned on {len(setup.tuning)} images of the val split (seed {options.seed}),',
        f'judged by {len(setup.holdout)} others of the {setup.holdout.split} split.',
        '',
        comparison_table(result['comparison']),
        *(['', *result['notes']] if result['notes'] else []),
        '',
        f'    python tools/test.py CONFIG CHECKPOINT --crf {path}',
    ]


def comparison_table(comparison: dict[str, Any]) -> str:
    """Return the mIoU before and after as a text table."""
    names = dict(without='no CRF', start='start', tuned='tuned')
    lines = [f'{"mIoU, %":20}' + ''.join(f'{name:>9}' for name in names.values())]
    for name, figures in comparison.items():
        row = f'{name} ({figures["images"]} images)'
        lines.append(f'{row:20}' + ''.join(f'{figures[key]:9.2f}' for key in names))
    return '\n'.join(lines)


def number_of_evaluations(ranges: SearchRanges, rounds: int) -> int:
    """Return how many settings a search evaluates at most."""
    around = 3 ** sum(len(getattr(ranges, axis).values()) > 1 for axis in AXES) - 1
    return len(ranges.coarse()) + rounds * around
