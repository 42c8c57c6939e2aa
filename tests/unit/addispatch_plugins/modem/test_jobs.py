from addispatch.sdk import Permanent, QueueClass, Sent
from addispatch.sdk.testing import make_delivery
from addispatch_plugins.modem.jobs import CALL_WEIGHT, GIVE_WAY_S, Job, Jobs


def text(name="text"):
    return Job(make_delivery("sms", "+6591234567", name))


def call(due_s=0.0, rings=1):
    return Job(make_delivery("voice", "+6591234567"), due_s=due_s, rings_left=rings)


def queue(*jobs):
    made = Jobs()
    for job in jobs:
        made.add(job)
    return made


async def test_texts_in_order_and_before_calls():
    ring, first, second = call(), text(), text()
    jobs = queue(ring, first, second)
    assert jobs.next(0) is first
    jobs.remove(first)
    assert jobs.next(0) is second
    jobs.remove(second)
    assert jobs.next(0) is ring
    jobs.remove(ring)
    assert jobs.next(0) is None
    assert len(jobs) == 0


async def test_a_call_gives_way_for_a_while_only():
    ring, sms = call(due_s=10), text()
    jobs = queue(sms, ring)
    assert jobs.next(10 + GIVE_WAY_S - 1) is sms
    assert jobs.next(10 + GIVE_WAY_S) is ring
    ring.due_s = 10 + GIVE_WAY_S + 3
    assert jobs.next(10 + GIVE_WAY_S) is sms, "after a ring it is the texts' turn again"


async def test_a_call_waits_until_it_is_due_and_the_oldest_comes_first():
    early, late = call(due_s=5), call(due_s=3)
    jobs = queue(early, late)
    assert jobs.next(2) is None
    assert jobs.next_due_s() == 3
    assert jobs.next(9) is late
    late.due_s = 12
    assert jobs.next(9) is early
    assert queue(text()).next_due_s() == float("inf")


async def test_a_call_is_much_to_do():
    assert queue(call()).load == CALL_WEIGHT
    assert queue(*[text() for _ in range(3)]).load == 3
    jobs = queue(call(), text())
    assert len(jobs.pending) == len(jobs) == 2
    assert [job.is_call for job in jobs.calls] == [True]
    assert [job.is_call for job in jobs.take_all()] == [False, True]
    assert jobs.pending == []


async def test_a_job_is_answered_once():
    job = text()
    job.answer(Sent())
    job.answer(Permanent("late"))
    assert job.done.result() == Sent()


async def test_emergencies_go_before_other_texts():
    first, notice, fire = text(), text(), text()
    notice.delivery = notice.delivery._replace(queue_class=QueueClass.NOTICE)
    fire.delivery = fire.delivery._replace(queue_class=QueueClass.EMERGENCY)
    jobs = queue(notice, first, fire)
    order = []
    while job := jobs.next(0):
        order.append(job)
        jobs.remove(job)
    assert order == [fire, first, notice]
