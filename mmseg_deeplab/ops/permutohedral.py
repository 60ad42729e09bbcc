"""The permutohedral lattice: Gaussian filtering in several dimensions at a linear cost.

`Fast High-Dimensional Filtering Using the Permutohedral Lattice
<https://graphics.stanford.edu/papers/permutohedral/>`_ (Adams, Baek, Davis 2010).
Each point adds its values to the d + 1 corners of the simplex around it (splat), the
lattice is blurred along its d + 1 axes, and each point reads its corners (slice).

How we differ:

- There is no hash table: a lattice point is one integer, and its neighbour along an
  axis is that integer plus a constant, so sorting replaces hashing.
- All passes are products with sparse matrices, one for three blur axes: the same code
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
from functools import reduce

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from .lattice_keys import LatticeKeys
from .sparse_matrix import SparseMatrix

# Points that are placed at once: the temporaries of so many stay in the cache.
_CHUNK = 1 << 16
_AXES_PER_PASS = 3
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
        self._splat, self._sums = splat.in_short_rows(_LONGEST_ROW)
        del order, starts, points
        axes = _neighbours(keys, corners)
        self._blur = _blur_matrices(axes, self.num_vertices, self.weights)
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
        return self._sums.multiply(self._splat.multiply(values))

    def blur(self, lattice: Tensor, *, transposed: bool = False) -> Tensor:
        """Blur ``(M, K)`` values along all axes, with weights 1/2, 1, 1/2.

        The adjoint (``transposed``) takes the axes in the opposite order; it differs
        where lattice points are missing.
        """
        if transposed and not self._adjoint:
            columns = [self.num_vertices, *(matrix.num_rows for matrix in self._blur)]
            passes = zip(self._blur, columns, strict=False)
            turned = [matrix.transposed(count) for matrix, count in passes]
            self._adjoint += reversed(turned)
        for matrix in self._adjoint if transposed else self._blur:
            lattice = matrix.multiply(lattice)
        return lattice

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


def _neighbours(keys: Tensor, lattice: LatticeKeys) -> list[Tensor]:
    """Add B bridges to M ascending keys, and find the neighbours along each axis.

    Return a table ``(M + B, 3)`` for each axis: the point itself, the next, the
    previous; M + B for none. Points from M on are bridges.
    """
    axes = range(lattice.num_corners)
    wanted = torch.stack([lattice.step(keys, axis) for axis in axes])
    following = _find(wanted, keys)
    bridges = _add_bridges(following, wanted, len(keys))
    own = torch.arange(len(keys) + len(bridges), device=keys.device)
    tables = []
    for axis, found in zip(axes, following, strict=True):
        wanted = lattice.step(bridges, axis)
        of_bridges = _find(wanted, keys)
        among_bridges = _find(wanted, bridges) + len(keys)
        of_bridges = torch.where(
            (of_bridges < 0) & (among_bridges >= len(keys)), among_bridges, of_bridges
        )
        tables.append(_table(torch.cat([found, of_bridges]), own))
    return tables


def _find(wanted: Tensor, keys: Tensor) -> Tensor:
    """Return the places of integers among ascending ``keys``, -1 for none."""
    if not len(keys):
        return torch.full_like(wanted, -1)
    place = torch.searchsorted(keys, wanted).clamp_(max=len(keys) - 1)
    exists = keys.index_select(0, place.view(-1)).view_as(place) == wanted
    return place.masked_fill_(~exists, -1)


def _table(following: Tensor, own: Tensor) -> Tensor:
    """Rows of a point, the next and the previous; the number of points for none."""
    count = len(own)
    following = following.where(following >= 0, count)
    previous = torch.full((count + 1,), count, device=own.device).scatter_(
        0, following, own
    )
    dtype = _index_dtype(count + 1)
    return torch.stack([own, following, previous[:-1]], 1).to(dtype)


def _add_bridges(following: Tensor, wanted: Tensor, count: int) -> Tensor:
    """Return the integers of missing lattice points that follow on three others.

    ``wanted``, ``(d + 1, M)``, are the integers of the next points along each axis and
    ``following`` their places, -1 for none, where the numbers of the bridges, from
    ``count`` = M on, are filled in.
    """
    following = following.view(-1)
    gaps = (following < 0).nonzero().squeeze(1)
    missing, order = wanted.view(-1).index_select(0, gaps).sort()
    reach = _BRIDGE_ENDS - 1
    is_bridge = torch.zeros_like(missing, dtype=torch.bool)
    torch.eq(missing[reach:], missing[:-reach], out=is_bridge[reach:])
    # A run of n equal integers: all but its first `reach` are marked. Mark them, too.
    for _ in range(reach):
        is_bridge[:-1] |= is_bridge[1:] & (missing[1:] == missing[:-1])
    bridges, numbers = missing.masked_select(is_bridge).unique_consecutive(
        return_inverse=True
    )
    gaps = gaps.index_select(0, order.masked_select(is_bridge))
    following[gaps] = numbers + count
    return bridges


def _blur_matrices(
    axes: Sequence[Tensor], num_vertices: int, like: Tensor
) -> list[SparseMatrix]:
    """Return the matrices whose product blurs along the axes, the first axis first.

    Only vertices bring values and only vertices are read: columns of bridges are left
    out at the beginning, their rows at the end.
    """
    weights = like.detach().new_tensor([1, 0.5, 0.5])
    count = len(axes[0])
    passes = []
    for begin in range(0, len(axes), _AXES_PER_PASS):
        tables = axes[begin : begin + _AXES_PER_PASS]
        columns = [count] * len(tables)
        if begin == 0:
            columns[0] = num_vertices
        matrices = [
            SparseMatrix.from_table(table, weights, num_columns=count_of_columns)
            for table, count_of_columns in zip(tables, columns, strict=True)
        ]
        if begin + len(tables) == len(axes):
            matrices[-1] = matrices[-1].first_rows(num_vertices)
        passes.append(reduce(SparseMatrix.product, reversed(matrices)))
    return passes
