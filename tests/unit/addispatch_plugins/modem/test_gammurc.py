from addispatch_plugins.modem.gammurc import write_gammurc


def test_the_file_is_private_and_names_the_port(tmp_path):
    file = write_gammurc(tmp_path / "sim1.gammurc", "/dev/ttyUSB0")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "device = /dev/ttyUSB0\n" in file.read_text()
    write_gammurc(file, "/dev/ttyUSB1")
    assert "ttyUSB0" not in file.read_text()


def test_a_file_that_is_right_already_is_not_written(tmp_path):
    """On a full or read-only disk a modem must still be able to come back."""
    file = write_gammurc(tmp_path / "sim1.gammurc", "/dev/ttyUSB0")
    before = file.stat().st_mtime_ns
    write_gammurc(file, "/dev/ttyUSB0")
    assert file.stat().st_mtime_ns == before
