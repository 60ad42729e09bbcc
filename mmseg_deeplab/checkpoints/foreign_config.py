"""Configs of others: used if they hold data alone, so that none of their code runs.

A config is Python, and mmengine executes it. What this package and mmengine write
beside a checkpoint or into it assigns names to literals and ``dict(...)`` of literals.
Any other statement is refused, and so are names of code in these literals.
"""

import ast
import re

from mmseg_deeplab.utils.errors import InputError

# A name of a registry, perhaps with its scope; `os.system` would be imported.
TYPE = re.compile(r'((mmseg|mmpretrain|mmengine|mmcv|mmdet|mmseg_deeplab)\.)?\w+')
IMPORTS = ('mmseg_deeplab', 'mmseg', 'mmpretrain', 'mmengine', 'mmcv')


def check_foreign_config(text: str, source: str) -> None:
    """Refuse the text of a config that could run code; ``source`` is its name.

    Raises:
        InputError: With the line that holds something else than data.
    """
    if '{{' in text:  # mmengine puts other text in its place before it executes it
        raise InputError(f'{source}: refused, the config holds a {{{{ variable }}}}')
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InputError(f'{source}: not the text of a config ({error})') from error
    for statement in statements:
        is_docstring = isinstance(statement, ast.Expr) and _is_data(statement.value)
        is_assignment = (
            isinstance(statement, ast.Assign)
            and all(isinstance(target, ast.Name) for target in statement.targets)
            and _is_data(statement.value)
        )
        if not is_docstring and not is_assignment:
            _refuse(source, statement, 'something else than data')
        for node in ast.walk(statement):
            for key, value in _items(node):
                if key == 'type' and not _is_text(value, TYPE):
                    _refuse(source, value, 'a type that is no name of a registry')
                if key == 'imports':
                    _check_imports(source, value)
        if is_assignment and any(one.id == '_base_' for one in statement.targets):
            _refuse(source, statement, 'the path of another config')


def _is_data(node: ast.expr) -> bool:
    """Whether an expression is a literal or ``dict(...)`` of such."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return all(map(_is_data, node.elts))
    if isinstance(node, ast.Dict):
        return None not in node.keys and all(map(_is_data, [*node.keys, *node.values]))
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and _is_data(node.operand)
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == 'dict'
        and not node.args
        and all(keyword.arg and _is_data(keyword.value) for keyword in node.keywords)
    )


def _items(node: ast.AST) -> list[tuple[str, ast.expr]]:
    """Return the names and values of a dict of either notation."""
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return [(k.value, v) for k, v in pairs if isinstance(k, ast.Constant)]
    if isinstance(node, ast.Call):
        return [(keyword.arg, keyword.value) for keyword in node.keywords]
    return []


def _is_text(node: ast.expr, pattern: re.Pattern) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and pattern.fullmatch(node.value) is not None
    )


def _check_imports(source: str, node: ast.expr) -> None:
    names = ast.literal_eval(node) if not isinstance(node, ast.Call) else [None]
    for name in [names] if isinstance(names, str) else names:
        if not isinstance(name, str) or name.split('.')[0] not in IMPORTS:
            _refuse(source, node, f'an import of {name}')


def _refuse(source: str, node: ast.AST, what: str) -> None:
    raise InputError(
        f'{source}: refused, line {node.lineno} of the config holds {what}, which '
        'could run code. Where you trust its source, save the config as a file of your '
        'own and give it with the checkpoint: CONFIG CHECKPOINT'
    )
