"""The papers' coarse-to-fine search of the bilateral kernel."""

from collections.abc import Callable, Iterable
from typing import Any

from mmseg.registry import MODELS
from torch import nn

from mmseg_deeplab.utils.progress import Progress

from .evaluate_crf import evaluate
from .ranges import AXES, SearchRanges, Triple, by_widths
from .sample import Sample
from .search_journal import Journal


class CRFSearch:
    """Search bilateral_weight, bilateral_xy and bilateral_rgb for the best mIoU.

    DeepLab v1 (section 4.2) and v2 (section 4.1): a coarse grid, then a finer one
    around its best point, on 100 validation images, the Gaussian kernel fixed. The
    papers do not say how fine; here each round takes the 26 neighbours of the best
    triple at half the step of the round before (:meth:`SearchRanges.fine`). A triple
    is never evaluated twice. Of equal triples the smallest wins.

    The lattice depends on image and widths only: it is built once for a pair of
    widths, and serves all weights.

    Args:
        ranges: What to search.
        journal: Keeps the mIoU of every triple; a search that was stopped loses no
            more than the pair of widths in work.
        num_iterations: Mean-field iterations, 10 in the papers.
        rounds: Finer rounds after the coarse one.
        device: Where to compute.
    """

    def __init__(
        self,
        ranges: SearchRanges,
        journal: Journal,
        *,
        num_iterations: int = 10,
        rounds: int = 2,
        device: str = 'cpu',
    ) -> None:
        self.ranges = ranges
        self.journal = journal
        self.num_iterations = num_iterations
        self.rounds = rounds
        self.device = device
        self._known = {
            _triple(entry): entry['mIoU']
            for entry in journal.content.get('results', [])
        }
        self._grids: dict[str, list[Triple]] = {}

    def run(self, samples: Callable[[], Iterable[Sample]], num_images: int) -> Triple:
        """Search, or go on, and return the best triple.

        Args:
            samples: Gives the tuning images from the first to the last.
            num_images: How many it gives.
        """
        self._grids = {'coarse': self.ranges.coarse()}
        self._evaluate('coarse', samples, num_images)
        for level in range(1, self.rounds + 1):
            name, seen = f'fine {level}', self._triples()
            around = self.ranges.fine(self.best(), level)
            self._grids[name] = [triple for triple in around if triple not in seen]
            self._evaluate(name, samples, num_images)
        return self.best()

    def best(self) -> Triple:
        """Return the triple of the highest mIoU among the grids so far."""
        return min(self._triples(), key=lambda triple: (-self._known[triple], triple))

    def results(self) -> list[dict[str, Any]]:
        """Return parameters, ``mIoU`` and ``grid`` of every triple, grid by grid."""
        return [
            dict(_named(triple), mIoU=self._known[triple], grid=name)
            for name, triples in self._grids.items()
            for triple in triples
        ]

    def _triples(self) -> set[Triple]:
        return {triple for triples in self._grids.values() for triple in triples}

    def crf(self, triple: Triple) -> nn.Module:
        """Build the CRF of a triple."""
        return MODELS.build(self.crf_config(triple))

    def crf_config(self, triple: Triple) -> dict[str, Any]:
        """Return the config of the CRF of a triple."""
        return dict(
            type='DenseCRF',
            num_iterations=self.num_iterations,
            **_named(triple),
            gaussian_weight=self.ranges.gaussian_weight,
            gaussian_xy=self.ranges.gaussian_xy,
        )

    def _evaluate(
        self, name: str, samples: Callable[[], Iterable[Sample]], num_images: int
    ) -> None:
        unknown = [triple for triple in self._grids[name] if triple not in self._known]
        pairs = by_widths(unknown)
        with Progress(f'{name} grid', len(pairs) * num_images) as progress:
            for (xy, rgb), weights in pairs.items():
                triples = [(weight, xy, rgb) for weight in weights]
                scores = evaluate(
                    samples(),
                    [self.crf(triple) for triple in triples],
                    device=self.device,
                    after_each=progress.advance,
                )
                self._known |= zip(triples, scores, strict=True)
                self._write()
                best = max(self._known.values())
                progress.advance(0, name=f'{name} grid, best {best:.2f}')

    def _write(self) -> None:
        entries = [dict(_named(t), mIoU=score) for t, score in self._known.items()]
        self.journal.write(results=entries)


def _named(triple: Triple) -> dict[str, float]:
    return dict(zip(AXES, triple, strict=True))


def _triple(entry: dict[str, Any]) -> Triple:
    return tuple(entry[axis] for axis in AXES)
