"""Opening the database: where it is, how it is checked, what is refused. Damage is in test_ledger.py."""

from __future__ import annotations

import stat

import pytest

from addispatch.domain.errors import ConfigError
from addispatch.store.connect import make_engine, open_checked, set_aside


def test_a_relative_file_is_in_the_data_folder_and_private(tmp_path):
    engine = make_engine("sqlite:///ledger.db", tmp_path)
    assert open_checked(engine) == []
    assert stat.S_IMODE((tmp_path / "ledger.db").stat().st_mode) == 0o600
    engine.dispose()


def test_what_is_no_url_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"store\.url"):
        make_engine("nonsense", tmp_path)


def test_setting_aside_keeps_all_three_files_and_never_overwrites(tmp_path):
    kept = []
    for turn in range(2):
        for suffix in ("", "-wal", "-shm"):
            (tmp_path / f"ledger.db{suffix}").write_text(f"{turn}{suffix}")
        kept.append(set_aside(tmp_path / "ledger.db"))
    assert kept[0] != kept[1]
    for turn, path in enumerate(kept):
        for suffix in ("", "-wal", "-shm"):
            assert path.with_name(path.name + suffix).read_text() == f"{turn}{suffix}"
    assert not (tmp_path / "ledger.db").exists()
