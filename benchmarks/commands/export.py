"""``export``: latency of exported models."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.case import Case
from benchmarks.exported import (
    EXPORT_COLUMNS,
    EXPORT_NETWORKS,
    PATHS,
    QUICK_EXPORT_NETWORKS,
    exported_cases,
)
from benchmarks.report import Picture
from benchmarks.settings import Settings

HELP = 'latency in PyTorch, compiled, in ONNX Runtime and in int8'
COLUMNS = EXPORT_COLUMNS


def add_options(parser: ArgumentParser) -> None:
    """Add the options."""
    names = [*EXPORT_NETWORKS, *QUICK_EXPORT_NETWORKS]
    parser.add_argument('--only', nargs='+', choices=names, help='networks (all)')
    parser.add_argument(
        '--paths',
        nargs='+',
        choices=list(PATHS),
        default=list(PATHS),
        help='(all; compiled takes minutes)',
    )


def cases(args: Namespace, settings: Settings) -> Iterator[Case]:
    """Return the cases."""
    networks = QUICK_EXPORT_NETWORKS if args.quick else EXPORT_NETWORKS
    if args.only:
        every = EXPORT_NETWORKS | QUICK_EXPORT_NETWORKS
        networks = {name: every[name] for name in args.only}
    return exported_cases(settings.torch_device, networks=networks, paths=args.paths)


def draw(result: dict[str, Any], folder: Path, name: str) -> list[Picture]:
    """Draw nothing: the bars would show the memory that ONNX Runtime keeps."""
    return []
