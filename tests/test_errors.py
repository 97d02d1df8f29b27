"""What errors of the system stand for."""

import errno

import pytest

from audioset_dl.errors import find_resource_error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EMFILE, "Too many open files"), "no more open files .*ulimit -n"),
        (OSError(errno.ENFILE, "Too many open files in system"), "no more open files to anybody"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "no more memory .*ulimit -v"),
        (OSError(errno.EAGAIN, "Resource temporarily unavailable"), "no more processes"),
        (MemoryError(), "no more memory"),
        (ImportError("x.so: failed to map segment from shared object"), "no more memory"),
        (RuntimeError("can't start new thread"), "no more processes or threads"),
    ],
)
def test_a_limit_of_the_system_is_told_as_one(error: BaseException, words: str) -> None:
    limit = find_resource_error(error)
    assert limit is not None
    assert limit.exit_code == 1
    with pytest.raises(type(limit), match=words):
        raise limit


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "x"), RuntimeError("x"), ValueError()])
def test_other_errors_are_no_limits(error: BaseException) -> None:
    assert find_resource_error(error) is None
