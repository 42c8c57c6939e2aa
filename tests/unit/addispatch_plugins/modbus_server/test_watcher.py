"""The picture follows the node."""

from addispatch.sdk import StoreError
from addispatch_plugins.modbus_server import watcher


async def test_the_newest_case_that_waits_is_shown(serve):
    async with serve() as running:
        seen = running.instance._device.watcher.picture.inputs
        assert seen[4:8] == (4, 2, 6, 1)
        assert seen[8:12] == (ord("B"), 0, 42, 3)
        assert seen[12] == 65_535  # its case is old


async def test_an_event_of_a_case_lets_it_look_again_and_others_do_not(serve, context, monkeypatch):
    async with serve() as running:
        running.operations.open = running.operations.open[1:]
        context.publish({"id": 1, "kind": "PluginStarted", "case_id": None})
        await running.beats()
        await running.beats()
        assert running.instance._device.watcher.picture.inputs[8:12] == (ord("B"), 0, 42, 3)
        context.publish({"id": 2, "kind": "CaseAcknowledged", "case_id": "x"})
        await running.beats()
        await running.beats()
        assert running.instance._device.watcher.picture.inputs[8:12] == (ord("A"), 0, 7, 3)


async def test_cases_are_looked_at_now_and_then_without_an_event(serve, monkeypatch):
    monkeypatch.setattr(watcher, "CASES_EVERY", 2)
    async with serve() as running:
        running.operations.open = []
        for _ in range(4):
            await running.beats()
        seen = running.instance._device.watcher.picture.inputs
        assert (seen[7:12], seen[12]) == ((0, 0, 0, 0, 0), 65_535)


async def test_an_event_in_a_failed_look_is_not_forgotten(serve, context):
    async with serve() as running:
        running.operations.problem = StoreError("busy")
        running.operations.open = []
        context.publish({"id": 2, "kind": "CaseClosed", "case_id": "x"})
        before = running.heartbeat
        running.operations.problem = None
        await running.beats()
        await running.beats()
        assert running.heartbeat > before
        assert running.instance._device.watcher.picture.inputs[8] == 0


async def test_after_stop_no_event_is_followed(serve, context):
    async with serve():
        assert len(context._handlers) == 1
    assert context._handlers == []
