"""The permutohedral lattice: Gaussian filtering in several dimensions at a linear cost.

`Fast High-Dimensional Filtering Using the Permutohedral Lattice
<https://graphics.stanford.edu/papers/permutohedral/>`_ (Adams, Baek, Davis 2010).
Each point adds its values to the d + 1 corners of the simplex around it (splat), the
lattice is blurred along its d + 1 axes, and each point reads its corners (slice).

How we differ:

- There is no hash table: a lattice point is one integer, and its neighbour along an
  axis is that integer plus a constant, so sorting replaces hashing.
- All passes are products with sparse matrices, one for two blur axes: the same code
  runs on CPU and CUDA.
- Gradients with respect to the positions are those of the Gaussian,
  ``dK_ij / df_i = -K_ij (f_i - f_j)``, filtered by the lattice. Those of the lattice
  itself can be wrong even in sign: points come and go as positions move.
- Missing lattice points that follow on three or more others ("bridges") are added. The
  paper's sparse lattice has none, and values cannot cross the gaps. On the image of our
  tests, at 3 grey levels, the normalised kernel's error falls from 0.29 to 0.24 (of its
  Frobenius norm) for 11 % more points; with those that follow on two, to 0.18 for 48 %.
"""

import copy
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from .lattice_keys import LatticeKeys
from .sparse_matrix import SparseMatrix

# Points or rows that are handled at once: the temporaries of so many stay in the cache.
_CHUNK = 1 << 16
# Pixels that are summed in one go at a lattice point. A flat image can have thousands
# at one; most points of a photograph have fewer than this.
_LONGEST_ROW = 256
# Beyond these, the digits of float32 do not tell where in a simplex a point lies, and
# those of float64 neither.
_FAR_IN_SINGLE = 1e4
_FARTHEST = 1e12
# A bridge follows on at least so many points; each axis has a point before it.
_BRIDGE_ENDS = 3


class PermutohedralLattice:
    """The lattice around a set of points, built once and used for many values.

    :meth:`filter` approximates ``y_i = sum_j exp(-|f_i - f_j|^2 / 2) x_j``, the term
    ``j = i`` included, up to a factor that depends on d alone. Its gradients reach the
    positions ``features``, ``(P, d)`` in units of the Gaussian's standard deviation.

    Attributes:
        num_vertices: ``M``, the lattice points at the corners of the simplices.
        weights: ``(P, d + 1)``, the share of each corner in each point.
        vertices: ``(P, d + 1)``, the corners, 0..M-1.
    """

    def __init__(self, features: Tensor) -> None:
        if features.dim() != 2 or 0 in features.shape:
            raise ValueError(
                'features must be (P, d), both at least 1, received shape '
                f'{tuple(features.shape)}'
            )
        reach = features.detach().abs().max().item()
        if not reach <= _FARTHEST:  # catches NaN, too
            raise ValueError(
                f'features must be finite and within {_FARTHEST:g} standard deviations '
                f'of the origin, received {reach:g}; take a larger standard deviation'
            )
        self.num_points = len(features)
        self.requires_grad = features.requires_grad
        self._features = features if self.requires_grad else None
        self._scale: Tensor | None = None  # of a normalised lattice that needs a graph
        features = features.detach()
        placed = features.double() if reach > _FAR_IN_SINGLE else features
        corners = LatticeKeys.around(placed, _elevation(placed.shape[1]))
        chunks = [_place(part, corners) for part in placed.split(_CHUNK)]
        self.weights = torch.cat([weights for weights, _ in chunks]).to(features.dtype)
        keys = torch.cat([keys for _, keys in chunks])
        del chunks
        keys, order, starts, self.vertices = _number(keys)
        self.num_vertices = len(keys)
        dtype = _index_dtype(self.weights.numel())
        points = (order // self.weights.shape[1]).to(dtype)
        splat = SparseMatrix(points, starts.to(dtype), self.weights.reshape(-1)[order])
        self._splat, self._sums = splat, None
        if features.device.type != 'cpu':
            self._splat, self._sums = splat.in_short_rows(_LONGEST_ROW)
        del order, starts, points
        self._following = _following(keys, corners.steps)
        self._blur = self._blur_matrices(transposed=False)
        self._adjoint: list[SparseMatrix] = []  # made when it is needed

    def normalised(self) -> 'PermutohedralLattice':
        """Return the lattice of ``D^-1/2 K D^-1/2``, with the row sums of K in ``D``.

        This is the symmetric normalisation of Kraehenbuehl and Koltun (2013), section
        3.1. It costs nothing at filtering: the factors go into the corners' weights.
        """
        ones = self.weights.new_ones(self.num_points, 1)
        scale = self.filter(ones).rsqrt()
        lattice = copy.copy(self)
        factors = scale.detach().squeeze(1)
        lattice.weights = self.weights * factors[:, None]
        points, starts, weights = self._splat
        weights = weights * factors.index_select(0, points)
        lattice._splat = SparseMatrix(points, starts, weights)
        if scale.requires_grad:
            lattice._scale, lattice._plain = scale, self
        return lattice

    def filter(self, values: Tensor) -> Tensor:
        """Filter ``(P, K)`` values; gradients reach the values and the positions."""
        if self._scale is not None and torch.is_grad_enabled():
            return self._scale * self._plain.filter(self._scale * values)
        return _Filter.apply(values, self._features, self)

    def splat(self, values: Tensor) -> Tensor:
        """Sum ``(P, K)`` values of the points at the lattice: ``(M, K)``."""
        lattice = self._splat.multiply(values)
        return lattice if self._sums is None else self._sums.multiply(lattice)

    def blur(self, lattice: Tensor, *, transposed: bool = False) -> Tensor:
        """Blur ``(M, K)`` values along all axes, with weights 1/2, 1, 1/2.

        The adjoint (``transposed``) takes the axes in the opposite order; it differs
        where lattice points are missing.
        """
        if transposed and not self._adjoint:
            self._adjoint += self._blur_matrices(transposed=True)
        for matrix in self._adjoint if transposed else self._blur:
            lattice = matrix.multiply(lattice)
        return lattice

    def _blur_matrices(self, *, transposed: bool) -> list[SparseMatrix]:
        """Return the matrices whose product blurs, the first axes first.

        Only vertices bring values and only vertices are read: columns of bridges are
        left out at the beginning, their rows at the end.
        """
        following = self._following.flip(0) if transposed else self._following
        count, pairs = following.shape[1], following.split(2)
        matrices = []
        for number, pair in enumerate(pairs):
            is_first, is_last = number == 0, number == len(pairs) - 1
            matrices.append(
                _pair_matrix(
                    pair,
                    self.weights,
                    num_rows=self.num_vertices if is_last else count,
                    num_columns=self.num_vertices if is_first else count,
                )
            )
        return matrices

    def slice(
        self,
        lattice: Tensor,
        points: slice = slice(None),
        weights: Tensor | None = None,
    ) -> Tensor:
        """Read ``(M, K)`` values of the lattice at some points.

        ``weights`` of all points may replace :attr:`weights`.
        """
        weights = self.weights if weights is None else weights
        return F.embedding_bag(
            self.vertices[points],
            lattice,
            per_sample_weights=weights[points],
            mode='sum',
        )


class _Filter(torch.autograd.Function):
    """Splat, blur, slice; the adjoint is splat, the adjoint blur, slice."""

    @staticmethod
    def forward(ctx, values, features, lattice):
        ctx.lattice = lattice
        ctx.save_for_backward(values, features)
        return _pass(values, lattice)

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        values, features = ctx.saved_tensors
        grad = grad.contiguous()
        grad_values = _pass(grad, ctx.lattice, transposed=True)
        grad_features = None
        if ctx.needs_input_grad[1]:
            grad_features = _position_gradient(
                values, grad, grad_values, features, ctx.lattice
            )
        return grad_values, grad_features, None


def _pass(
    values: Tensor, lattice: PermutohedralLattice, *, transposed: bool = False
) -> Tensor:
    return lattice.slice(lattice.blur(lattice.splat(values), transposed=transposed))


def _position_gradient(
    values: Tensor,
    grad: Tensor,
    grad_values: Tensor,
    features: Tensor,
    lattice: PermutohedralLattice,
) -> Tensor:
    """Sum over ``j`` of ``-(f_i - f_j) (K_ij g_i x_j + K_ji g_j x_i)``: ``(P, d)``.

    With ``f_i - f_j`` multiplied out, each coordinate takes one filtering of the values
    and one of the gradient.
    """
    features = features - features.mean(0)  # fewer digits are lost in the differences
    inner = (grad * _pass(values, lattice)).sum(1) + (values * grad_values).sum(1)
    columns = []
    for coordinate in features.unbind(1):
        moved = coordinate.unsqueeze(1)
        across = grad * _pass(values * moved, lattice)
        across += values * _pass(grad * moved, lattice, transposed=True)
        columns.append(across.sum(1) - coordinate * inner)
    return torch.stack(columns, 1)


def _elevation(dim: int) -> Tensor:
    """Return the ``(d + 1, d)`` matrix from positions to coordinates in units of d + 1.

    Splatting, blurring and slicing have together a standard deviation of 1 with the
    factor ``sqrt(2 / 3) (d + 1)`` (Adams, Baek, Davis 2010, section 3.1).
    """
    matrix = torch.zeros(dim + 1, dim, dtype=torch.float64)
    for column in range(dim):
        length = math.sqrt((column + 1) * (column + 2))
        matrix[: column + 1, column] = 1 / length
        matrix[column + 1, column] = -(column + 1) / length
    return matrix * math.sqrt(2 / 3)


def _elevate(features: Tensor) -> Tensor:
    """Multiply :func:`_elevation` by ``(d, P)`` features, in full precision anywhere.

    A matrix product on a GPU may round to TF32, which would misplace the points.
    """
    dim = len(features)
    columns = torch.arange(1.0, dim + 1, device=features.device, dtype=features.dtype)
    scaled = features * (2 / (3 * columns * (columns + 1))).sqrt()[:, None]
    height = F.pad(scaled.flip(0).cumsum(0).flip(0), (0, 0, 0, 1))
    height[1:] -= columns[:, None] * scaled
    return height


def _place(features: Tensor, keys: LatticeKeys) -> tuple[Tensor, Tensor]:
    """Return the weights and the integers of the corners around each point.

    Both are ``(P, d + 1)``; corner ``r`` has coordinates that are ``r`` modulo d + 1.
    """
    height = _elevate(features.t())
    cell, rank = _nearest_zero(height.detach())
    offset = height - cell
    # Barycentric coordinates are the steps between the sorted offsets (section 2.2).
    ordered = torch.empty_like(offset).scatter(0, rank, offset)
    steps = (ordered[:-1] - ordered[1:]).flip(0)
    weights = torch.cat([1 + ordered[-1:] - ordered[:1], steps])
    return weights.t().contiguous(), keys.of_corners(cell, rank).t().contiguous()


def _nearest_zero(height: Tensor) -> tuple[Tensor, Tensor]:
    """Find the nearest lattice point with remainder 0, and the order of the offsets.

    ``height`` and that point are ``(d + 1, P)`` coordinates in units of d + 1; the rank
    of each coordinate's offset is 0 for the largest.
    """
    count = len(height)
    cell = height.round()
    offset = height - cell
    rank = torch.zeros_like(height, dtype=torch.int8)
    for i in range(count):
        for j in range(i + 1, count):
            less = (offset[i] < offset[j]).to(torch.int8)
            rank[i] += less
            rank[j] += 1 - less
    # The coordinates must sum to zero: the cells of the extreme offsets move by one.
    rank = rank.long() + cell.sum(0).long()
    too_low, too_high = rank < 0, rank >= count
    cell = cell + too_low.to(cell) - too_high.to(cell)
    rank += count * (too_low.long() - too_high.long())
    return cell, rank


def _number(keys: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Number the M different integers among ``keys``, ``(P, d + 1)``.

    Return these in ascending order; the entries of ``keys`` ordered by integer; where
    each integer's entries start in that order, M + 1 numbers; the number of each entry.
    """
    ordered, order = keys.reshape(-1).sort(stable=True)
    is_first = torch.ones_like(ordered, dtype=torch.bool)
    torch.ne(ordered[1:], ordered[:-1], out=is_first[1:])
    starts = is_first.nonzero().squeeze(1)
    numbers = is_first.cumsum(0, dtype=_index_dtype(keys.numel())).sub_(1)
    vertices = torch.empty_like(numbers).scatter_(0, order, numbers)
    ends = starts.new_tensor([keys.numel()])
    return ordered[starts], order, torch.cat([starts, ends]), vertices.view_as(keys)


def _index_dtype(count: int) -> torch.dtype:
    return torch.int32 if count < 2**31 else torch.int64


def _following(keys: Tensor, steps: Sequence[int]) -> Tensor:
    """Add B bridges to M ascending keys, and find the next point along each axis.

    Return the places ``(d + 1, M + B)``, M + B for none. Points from M on are bridges.
    """
    count = len(keys)
    following = torch.stack([_find(keys + step, keys) for step in steps])
    bridges = _add_bridges(following, keys, steps)
    of_bridges = []
    for step in steps:
        among = _find(bridges + step, bridges)
        among += count * (among >= 0)
        of_bridges.append(_find(bridges + step, keys).maximum(among))
    following = torch.cat([following, torch.stack(of_bridges)], 1)
    return following.masked_fill_(following < 0, following.shape[1])


def _find(wanted: Tensor, keys: Tensor) -> Tensor:
    """Return the places of integers among ascending ``keys``, -1 for none."""
    dtype = _index_dtype(wanted.numel())
    if not len(keys):
        return torch.full_like(wanted, -1, dtype=dtype)
    place = torch.searchsorted(keys, wanted, out_int32=dtype == torch.int32)
    place.clamp_(max=len(keys) - 1)
    exists = keys.index_select(0, place.view(-1)).view_as(place) == wanted
    return place.masked_fill_(~exists, -1)


def _add_bridges(following: Tensor, keys: Tensor, steps: Sequence[int]) -> Tensor:
    """Return the integers of missing lattice points that follow on three others.

    ``following``, ``(d + 1, M)``, are the places of the next points along each axis, -1
    for none, where the numbers of the bridges, from M on, are filled in.
    """
    missing = [
        (keys + step).masked_select(places < 0)
        for places, step in zip(following, steps, strict=True)
    ]
    ordered, order = torch.cat(missing).sort()
    # A bridge begins where enough equal integers follow each other.
    reach = _BRIDGE_ENDS - 1
    begins = F.pad(ordered[reach:] == ordered[:-reach], (0, reach))
    begins[1:] &= ordered[1:] != ordered[:-1]
    bridges = ordered[begins]
    if len(bridges):
        number = begins.cumsum(0, dtype=following.dtype).sub_(1)
        own = bridges.index_select(0, number.clamp(min=0)) == ordered
        number.add_(len(keys)).masked_fill_(~own, -1)
        numbers = torch.empty_like(number).scatter_(0, order, number)
        following.masked_scatter_(following < 0, numbers)
    return bridges


def _pair_matrix(
    pair: Tensor, like: Tensor, *, num_rows: int, num_columns: int
) -> SparseMatrix:
    """Return the first rows and columns of the matrix that blurs along one axis or two.

    ``pair`` are the places of the next points along each, ``(1 or 2, n)``, n for none.
    """
    weights = like.new_tensor([1, 0.5, 0.5])
    count = pair.shape[1]
    own = torch.arange(count + 1, dtype=pair.dtype, device=pair.device)
    lines = []
    for following in F.pad(pair, (0, 1), value=count):
        previous = torch.full_like(own, count)
        previous.scatter_(0, following.long(), own)
        previous[count] = count
        lines.append(torch.stack([own, following, previous], 1))
    first, *second = lines
    tables = first[:num_rows].split(_CHUNK)
    if second:
        weights = torch.outer(weights, weights).view(-1)
        tables = (
            first.index_select(0, rows.reshape(-1)).view(len(rows), -1)
            for rows in second[0][:num_rows].split(_CHUNK)
        )
    return SparseMatrix.from_tables(tables, weights, num_columns=num_columns)
