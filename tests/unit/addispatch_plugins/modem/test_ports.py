from addispatch_plugins.modem import ports
from addispatch_plugins.modem.ports import Port


class Found:
    """What pyserial says of a port."""

    def __init__(self, device, *, location=None, serial_number=None, manufacturer=None, product=None):
        self.device, self.location, self.serial_number = device, location, serial_number
        self.manufacturer, self.product = manufacturer, product


def test_ports_with_the_names_that_stay(tmp_path, monkeypatch):
    device = tmp_path / "ttyUSB3"
    device.touch()
    by_id, by_path = tmp_path / "by-id", tmp_path / "by-path"
    for folder, name in ((by_id, "usb-HUAWEI"), (by_path, "pci-1")):
        folder.mkdir()
        (folder / name).symlink_to("../ttyUSB3")
    monkeypatch.setattr(ports, "NAMES", (by_id, by_path, tmp_path / "none"))
    found = [
        Found("/dev/ttyS0"),
        Found(str(device), location="1-1.2:1.0", serial_number="0123", manufacturer="HUAWEI", product="E3372"),
    ]
    monkeypatch.setattr(ports.list_ports, "comports", lambda: found)
    usb, built_in = ports.listed()
    assert usb == Port(
        str(device), "1-1.2", "0123", "HUAWEI E3372", (str(by_id / "usb-HUAWEI"), str(by_path / "pci-1"))
    )
    assert usb.best_name == str(by_id / "usb-HUAWEI")
    assert built_in == Port("/dev/ttyS0")
    assert built_in.best_name == "/dev/ttyS0"
    assert ports.at(str(by_path / "pci-1")) == usb
    assert ports.at("/dev/none") is None


def test_a_device_is_known_by_path_and_by_serial_number():
    port = Port("/dev/ttyUSB0", "1-1.2", "0123")
    assert [port.belongs_to(usb) for usb in ("1-1.2", "0123", "1-1", "")] == [True, True, False, False]
    assert not Port("/dev/ttyS0").belongs_to("")


def test_this_machine_can_be_asked():
    assert all(isinstance(port, Port) for port in ports.listed())
