"""A user's mistake ends a command with one line."""

import pytest

from mmseg_deeplab.config.prepare import one_line_errors


@pytest.mark.parametrize('error', [ValueError, TypeError, FileNotFoundError])
def test_a_users_mistake_ends_the_program_with_one_line(error):
    with pytest.raises(SystemExit, match=r'^error: what$'), one_line_errors():
        raise error('what')


def test_another_error_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), one_line_errors():
        raise ZeroDivisionError
