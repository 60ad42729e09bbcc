"""The papers' coarse-to-fine grid search of the bilateral kernel, stored by Optuna."""

import itertools
import warnings
from pathlib import Path
from typing import Any

from mmseg.registry import MODELS

from mmseg_deeplab.utils.errors import InputError
from mmseg_deeplab.utils.optional_packages import optional_package
from mmseg_deeplab.utils.progress import Progress
from mmseg_deeplab.utils.value_checks import require_at_least

from .tuning_setup import TuningSetup, check_same_settings

# w1, sigma_alpha (pixels) and sigma_beta (steps of intensity) of the papers.
AXES = ('bilateral_weight', 'bilateral_xy', 'bilateral_rgb')
# Section 4.1 of DeepLab v2 (arXiv 1606.00915), section 4.2 of v1 (arXiv 1412.7062).
RANGES = {
    'v2': dict(zip(AXES, ('3:1:6', '30:10:100', '3:1:6'), strict=True)),
    'v1': dict(zip(AXES, ('5:1:10', '50:10:100', '3:1:10'), strict=True)),
}
LARGEST = 1e6  # value of a parameter

Grid = dict[str, list[float]]  # ascending values by axis
Triple = tuple[float, ...]  # in the order of AXES


def parse_range(text: str) -> list[float]:
    """Read ``low:step:high`` (as in the papers), ``low:high`` (step 1) or a number."""
    try:
        low, *step, high = map(float, text.split(':') if ':' in text else [text] * 2)
        (step,) = step or [1.0]
        if not (0 < low <= high <= LARGEST and 0 < step <= LARGEST):
            raise ValueError
    except ValueError:
        raise InputError(
            f'range {text!r}: write low:step:high, low:high or one number, all above 0'
        ) from None
    count = int((high - low) / step + 1e-9) + 1
    return [round(low + i * step, 6) for i in range(count)]


def finer_values(coarse: list[float], best: float, level: int) -> list[float]:
    """Return a value and its neighbours at the coarse step / 2**level, if positive."""
    step = (coarse[1] - coarse[0]) / 2**level if len(coarse) > 1 else 0.0
    near = {round(best + sign * step, 6) for sign in (-1, 0, 1)}
    return sorted(value for value in near if value > 0)


class CRFSearch:
    """Search bilateral_weight, bilateral_xy and bilateral_rgb for the best mIoU.

    DeepLab v1 (section 4.2) and v2 (section 4.1): a coarse grid, then a finer one
    around its best point, with a fixed Gaussian kernel. The papers do not say how fine.
    Here each round takes the 26 neighbours of the best point at half the step of the
    round before. Of equal points the smallest wins.

    An Optuna study in an SQLite file holds the mIoU of every point, and none is
    evaluated twice. Optuna's ``GridSampler`` takes single points in random order; here
    all weights of a pair of widths share the kernels.

    Args:
        setup: Images and predictions.
        grid: Values of each axis of the coarse grid.
        gaussian_weight: w2 of the papers, fixed.
        gaussian_xy: sigma_gamma, pixels, fixed.
        rounds: Number of finer grids.
    """

    stems = 'crf', 'search'

    def __init__(
        self,
        setup: TuningSetup,
        grid: Grid,
        *,
        gaussian_weight: float = 3.0,
        gaussian_xy: float = 3.0,
        rounds: int = 2,
    ) -> None:
        require_at_least(0, rounds=rounds)
        self.setup, self.grid, self.rounds = setup, grid, rounds
        self.how = f'searched coarse to fine, {rounds} finer grids'
        self.fixed = dict(
            gaussian_weight=gaussian_weight,
            gaussian_xy=gaussian_xy,
            num_iterations=setup.num_iterations,
        )
        self.triples: set[Triple] = set()
        purpose = 'the search of a CRF'
        self._optuna = optional_package('optuna', extra='tuning', purpose=purpose)
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        experimental = self._optuna.exceptions.ExperimentalWarning  # of its plots
        warnings.filterwarnings('ignore', category=experimental)
        database = setup.work_dir / 'search.db'
        setup.work_dir.mkdir(parents=True, exist_ok=True)
        if setup.restart:
            database.unlink(missing_ok=True)
        self.study = self._optuna.create_study(
            storage=f'sqlite:///{database}',
            study_name='crf',
            direction='maximize',
            load_if_exists=True,
        )
        settings = {**setup.settings, **self.fixed}
        if self.study.trials:
            before = self.study.user_attrs['settings']
            check_same_settings(database, before, settings)
        self.study.set_user_attr('settings', settings)
        self._known: dict[Triple, float] = {
            tuple(trial.params[axis] for axis in AXES): trial.value
            for trial in self.study.trials
        }

    def run(self) -> dict[str, Any]:
        grid = self.grid
        for level in range(self.rounds + 1):
            if level > 0:
                grid = {
                    axis: finer_values(self.grid[axis], value, level)
                    for axis, value in zip(AXES, self.best(), strict=True)
                }
            triples = list(itertools.product(*(grid[axis] for axis in AXES)))
            self._evaluate(level, triples)
        return self.crf_config(self.best())

    def best(self) -> Triple:
        return min(self.triples, key=lambda triple: (-self._known[triple], triple))

    def notes(self) -> list[str]:
        """Say so where the best value is at the end of its range."""
        return [
            f'the best {axis} is at the end of its range: a wider one '
            f'(--{axis.replace("_", "-")}) may hold a better one'
            for axis, value in zip(AXES, self.best(), strict=True)
            if len(values := self.grid[axis]) > 1 and not values[0] < value < values[-1]
        ]

    def log(self) -> dict[str, Any]:
        triples = sorted(self.triples)
        return dict(results=[dict(_named(t), mIoU=self._known[t]) for t in triples])

    def crf_config(self, triple: Triple) -> dict[str, Any]:
        return dict(type='DenseCRF', **_named(triple), **self.fixed)

    def plot(self, path: Path) -> None:
        """Plot the mIoU over each parameter, one point for each setting."""
        from matplotlib import pyplot
        from optuna.visualization.matplotlib import plot_slice

        plot_slice(self.study, params=list(AXES), target_name='mIoU, %')
        pyplot.savefig(path, dpi=110, bbox_inches='tight')
        pyplot.close()

    def _evaluate(self, level: int, triples: list[Triple]) -> None:
        """Evaluate unknown triples, one pass over the images for a pair of widths."""
        name = f'finer grid {level}' if level else 'coarse grid'
        self.triples |= set(triples)
        pairs: dict[Triple, list[Triple]] = {}
        for triple in triples:
            if triple not in self._known:
                pairs.setdefault(triple[1:], []).append(triple)
        values = self._optuna.distributions.FloatDistribution(0.0, LARGEST)
        values = dict.fromkeys(AXES, values)
        create, setup = self._optuna.trial.create_trial, self.setup
        with Progress(name, len(pairs) * len(setup.tuning)) as progress:
            for group in pairs.values():
                crfs = [MODELS.build(self.crf_config(triple)) for triple in group]
                miou = dict(zip(group, setup.evaluate(crfs, progress), strict=True))
                self._known |= miou
                for triple, value in miou.items():
                    params = _named(triple)
                    trial = create(params=params, distributions=values, value=value)
                    self.study.add_trial(trial)
                best = max(self._known.values())
                progress.advance(0, name=f'{name}, best {best:.2f}')


def _named(triple: Triple) -> dict[str, float]:
    return dict(zip(AXES, triple, strict=True))
