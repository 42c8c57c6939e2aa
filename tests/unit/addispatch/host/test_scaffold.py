import pytest

from addispatch.domain.errors import ConfigError
from addispatch.host.scaffold import write_scaffold


@pytest.mark.parametrize("name", ["", "a", "Bell", "my-bell", "1bell", "class", "../bell", "b" * 41])
def test_names_that_cannot_be_plugins_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="is no plugin name"):
        write_scaffold(name, "channel", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["channel", "source"])
def test_no_placeholder_is_left(tmp_path, kind):
    target = write_scaffold("my_bell", kind, tmp_path)
    files = [path for path in target.rglob("*") if path.is_file()]
    assert len(files) == 7
    for file in files:
        text = file.read_text()
        assert "$name" not in text
        assert "Class}" not in text


def test_nothing_is_overwritten(tmp_path):
    target = write_scaffold("bell", "channel", tmp_path)
    (target / "README.md").write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        write_scaffold("bell", "source", tmp_path)
    assert (target / "README.md").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot write"):
        write_scaffold("bell", "channel", tmp_path / "file")
