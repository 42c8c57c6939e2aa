import os
import sys

import pytest

from addispatch.domain.errors import PluginError
from addispatch.host import dropin
from addispatch.host.dropin import files_in, loader, refusal_of


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "dropins"
    path.mkdir(mode=0o755)
    yield path
    for name in [name for name in sys.modules if name.startswith("addispatch_dropin.")]:
        del sys.modules[name]


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o444])
def test_a_file_only_we_can_write_is_fine(folder, mode):
    file = folder / "bell.py"
    file.touch(mode)
    file.chmod(mode)
    assert refusal_of(file) == ""


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_others_can_write_is_refused_with_the_remedy(folder, mode):
    file = folder / "bell.py"
    file.touch()
    file.chmod(mode)
    assert refusal_of(file) == "can be written by others: run chmod go-w"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_belongs_to_somebody_else_is_refused(folder):
    file = folder / "bell.py"
    file.touch()
    os.chown(file, 12345, 12345)
    assert "belongs to somebody else" in refusal_of(file)
    os.chown(folder, 12345, 12345)
    assert "belongs to somebody else" in files_in(folder)[1]


def test_links_pipes_and_odd_names_are_refused(folder, tmp_path):
    (tmp_path / "target.py").touch()
    (folder / "link.py").symlink_to(tmp_path / "target.py")
    os.mkfifo(folder / "pipe.py")
    (folder / "my-bell.py").touch()
    (folder / "sub.py").mkdir()
    reasons = {file.name: refusal_of(file) for file in files_in(folder)[0]}
    assert reasons == {
        "link.py": "is not a regular file",
        "pipe.py": "is not a regular file",
        "sub.py": "is not a regular file",
        "my-bell.py": "the file's name must be the plugin's: letters, digits and _ only",
    }


def test_too_many_files_are_refused(folder):
    for number in range(dropin.MAX_FILES_COUNT + 1):
        (folder / f"p{number}.py").touch()
    files, refusal = files_in(folder)
    assert len(files) == dropin.MAX_FILES_COUNT
    assert "more than 100 files" in refusal


def test_loading_imports_it_into_a_package_of_its_own(folder):
    file = folder / "json.py"
    file.write_text("from dataclasses import dataclass\n@dataclass\nclass A:\n    b: 'int' = 1\nplugin = A()\n")
    plugin = loader(file)()
    assert type(plugin).__module__ == "addispatch_dropin.json"
    assert sys.modules["addispatch_dropin.json"].__file__ == str(file)
    assert sys.modules["json"].__name__ == "json"
    assert not (folder / "__pycache__").exists()


def test_a_file_that_fails_leaves_nothing_behind(folder):
    file = folder / "bell.py"
    file.write_text("import sys\n1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        loader(file)()
    assert "addispatch_dropin.bell" not in sys.modules


def test_a_file_without_plugin_says_so(folder):
    file = folder / "bell.py"
    file.write_text("plugn = 1\n")
    with pytest.raises(PluginError, match="defines no variable named plugin"):
        loader(file)()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda file: file.chmod(0o666), "can be written by others"),
        (lambda file: file.write_text("#" * (dropin.MAX_FILE_BYTES + 1)), "larger than"),
    ],
)
def test_what_changed_since_it_was_listed_is_checked_again(folder, spoil, reason):
    file = folder / "bell.py"
    file.write_text("plugin = 1\n")
    load = loader(file)
    spoil(file)
    with pytest.raises(PluginError, match=reason):
        load()


def test_a_file_exchanged_for_a_link_is_not_followed(folder, tmp_path):
    (tmp_path / "evil.py").write_text("plugin = 'evil'\n")
    file = folder / "bell.py"
    load = loader(file)
    file.symlink_to(tmp_path / "evil.py")
    with pytest.raises(OSError, match="symbolic links"):
        load()
