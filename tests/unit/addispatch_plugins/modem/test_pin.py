from pydantic import SecretStr

from addispatch_plugins.modem.pin import PinGuard


def test_a_pin_that_was_entered_and_not_accepted_counts_as_refused(tmp_path):
    guard = PinGuard(tmp_path / "sim1", SecretStr("9999"))
    assert not guard.refused()
    guard.entering()
    assert guard.refused()
    assert PinGuard(tmp_path / "sim1", SecretStr("9999")).refused(), "a restart must not forget it"
    assert (tmp_path / "sim1").stat().st_mode & 0o777 == 0o600
    assert "9999" not in (tmp_path / "sim1").read_text()


def test_another_pin_may_be_tried(tmp_path):
    PinGuard(tmp_path / "sim1", SecretStr("9999")).entering()
    assert not PinGuard(tmp_path / "sim1", SecretStr("1234")).refused()


def test_an_accepted_pin_may_be_entered_again(tmp_path):
    guard = PinGuard(tmp_path / "sim1", SecretStr("1234"))
    guard.entering()
    guard.accepted()
    guard.accepted()
    assert not guard.refused()


def test_a_disk_that_cannot_be_written_keeps_no_modem_from_working(tmp_path, monkeypatch):
    guard = PinGuard(tmp_path / "sim1", SecretStr("1234"))

    tried = []

    def refuse(file, **_options):
        tried.append(file)
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(type(guard.file), "unlink", refuse)
    guard.accepted()
    assert tried == [guard.file]
