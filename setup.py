"""Packaging of mmseg_deeplab: wide ranges; the tested set is in constraints.txt."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
OWNER = 'OWNER'  # of the repository on GitHub
URL = f'https://github.com/{OWNER}/mmseg_deeplab'
# What the classifiers name; later ones work as far as torch has wheels for them.
VERSIONS = ('3.11', '3.12', '3.13', '3.14')
EXTRAS = sorted(
    {path.stem for path in (ROOT / 'requirements').glob('*.txt')}
    - {'constraints', 'runtime'}
)


def requirements(name: str) -> list[str]:
    """Read ``requirements/<name>.txt`` without comments and blank lines."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and line[0] not in '#-']


def version() -> str:
    """Read the version without importing the package."""
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
    url=URL,
    project_urls={
        'Documentation': f'https://{OWNER}.github.io/mmseg_deeplab',
        'Changelog': f'{URL}/blob/main/CHANGELOG.md',
        'Issues': f'{URL}/issues',
    },
    keywords='semantic segmentation, DeepLab, MMSegmentation, ASPP, dense CRF, PyTorch',
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Developers',
        'Intended Audience :: Science/Research',
        'Operating System :: OS Independent',
        'Topic :: Scientific/Engineering :: Image Recognition',
        'Typing :: Typed',
        'Programming Language :: Python :: 3 :: Only',
        *(f'Programming Language :: Python :: {version}' for version in VERSIONS),
    ],
    python_requires='>=3.11',
    packages=find_packages(include=['mmseg_deeplab*']),
    package_data={
        # Links to configs/, tools/ and model-index.yml, where `mim` looks for them.
        'mmseg_deeplab': [
            'py.typed',
            '.mim/*.yml',
            '.mim/configs/*.yml',
            '.mim/configs/**/*.py',
            '.mim/tools/**/*.py',
            '.mim/tools/*.sh',
        ],
        'mmseg_deeplab.hub': ['*.json', '*.md'],
    },
    entry_points={'console_scripts': ['mmseg-deeplab = mmseg_deeplab.cli:main']},
    install_requires=requirements('runtime'),
    extras_require={name: requirements(name) for name in EXTRAS},
    zip_safe=False,
)
