"""Packaging of mmseg_deeplab: wide ranges; the tested set is in constraints.txt."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
EXTRAS = ('docs', 'export', 'hub', 'images', 'optional', 'tests', 'tuning', 'web')


def requirements(name: str) -> list[str]:
    """Read ``requirements/<name>.txt`` without comments and blank lines."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and line[0] not in '#-']


def version() -> str:
    """Read the version without importing the package (which imports torch)."""
    scope: dict[str, str] = {}
    exec((ROOT / 'mmseg_deeplab' / 'version.py').read_text(), scope)
    return scope['__version__']


setup(
    name='mmseg-deeplab',
    version=version(),
    description='The DeepLab family (v1, v2, v3, v3+) as an MMSegmentation plugin',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    python_requires='>=3.10',
    packages=find_packages(include=['mmseg_deeplab*']),
    package_data={'mmseg_deeplab.hub': ['*.md']},
    install_requires=requirements('runtime'),
    extras_require={name: requirements(name) for name in EXTRAS},
    zip_safe=False,
)
