import importlib.util

import pytest

from scitrain.errors import MissingExtraError, ScitrainError
from scitrain.tuning.storage import check_storage, mend


@pytest.fixture
def driver(monkeypatch):
    """Make the driver of PostgreSQL seem to be there, or not."""

    def there(found):
        monkeypatch.setattr(
            "scitrain.tuning.storage.find_spec", lambda name: importlib.util.find_spec("json") if found else None
        )

    return there


@pytest.mark.parametrize(
    "url", ["study.db", "mysql://a@b/c", "postgresql:///x", "sqlite:///x.db", "postgresql://h:notaport/x"]
)
def test_what_is_no_postgresql_url_is_refused(url, driver):
    driver(True)
    with pytest.raises(ScitrainError, match="expected postgresql://"):
        check_storage(url)


def test_a_password_is_kept_out_of_the_record(driver):
    driver(True)
    with pytest.raises(ScitrainError, match="PGPASSWORD") as refused:
        check_storage("postgresql://me:secret@127.0.0.1/x")
    assert "secret" not in str(refused.value)


def test_a_missing_driver_says_what_adds_it(driver):
    driver(False)
    with pytest.raises(MissingExtraError, match=r"scitrain\[postgres\]"):
        check_storage("postgresql://me@127.0.0.1/x")


def test_a_database_that_nobody_serves_is_told_before_anything_is_trained(driver):
    driver(True)
    with pytest.raises(ScitrainError, match=r"cannot be reached.*nothing was trained"):
        check_storage("postgresql://me@127.0.0.1:1/x")


@pytest.mark.parametrize(("content", "kept"), [(b"a\nb\n", b"a\nb\n"), (b"a\nb", b"a\n"), (b"b", b""), (b"", b"")])
def test_only_an_unfinished_line_is_cut_off(content, kept, tmp_path):
    (tmp_path / "j").write_bytes(content)
    mend(tmp_path / "j")
    assert (tmp_path / "j").read_bytes() == kept
