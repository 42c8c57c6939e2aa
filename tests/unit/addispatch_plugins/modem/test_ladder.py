from addispatch_plugins.modem.ladder import ROUGH_PAUSES, SICK_AFTER, Ladder, Rung


def climbed(ladder, count, *, can_reset=True):
    return [ladder.failed(can_reset=can_reset) for _ in range(count)]


def test_the_rungs_come_in_order_and_again():
    rungs = climbed(Ladder(may_rebind=True), 16)
    assert rungs[:8] == [
        Rung.REBUILD, Rung.REBUILD, Rung.RESET, Rung.REBUILD, Rung.REBIND, Rung.REBUILD, Rung.REBUILD, Rung.REBUILD,
    ]  # fmt: skip
    assert rungs[8:] == rungs[:8]


def test_without_leave_to_rebind_it_is_reset_again():
    assert climbed(Ladder(may_rebind=False), 5)[4] is Rung.RESET


def test_what_a_reset_cannot_mend_is_only_tried_again():
    ladder = Ladder(may_rebind=True)
    assert set(climbed(ladder, 20, can_reset=False)) == {Rung.REBUILD}
    assert climbed(ladder, 3)[-1] is Rung.RESET


def test_a_sick_modem_is_reset_at_once():
    ladder = Ladder(may_rebind=True)
    assert [ladder.unsent() for _ in range(SICK_AFTER)] == [False] * (SICK_AFTER - 1) + [True]
    assert ladder.failed(can_reset=True, sick=True) is Rung.RESET
    assert climbed(ladder, 2)[-1] is Rung.REBIND


def test_a_text_that_went_begins_anew():
    ladder = Ladder(may_rebind=True)
    climbed(ladder, 2)
    ladder.unsent()
    ladder.sent()
    assert climbed(ladder, 2) == [Rung.REBUILD] * 2
    assert not any(ladder.unsent() for _ in range(SICK_AFTER - 1))


def test_pulled_out_by_hand_begins_anew_but_not_by_us():
    ladder = Ladder(may_rebind=True)
    climbed(ladder, 2)
    ladder.pauses = 4
    ladder.unplugged()
    assert ladder.pauses == 0
    assert climbed(ladder, 3)[-1] is Rung.RESET
    assert ladder.pauses == ROUGH_PAUSES, "time to come up"
    ladder.unplugged()
    assert ladder.pauses == ROUGH_PAUSES
    assert ladder.reopened()
    assert not ladder.reopened()
    assert climbed(ladder, 2)[-1] is Rung.REBIND
    assert ladder.counts == {Rung.REBUILD: 5, Rung.RESET: 1, Rung.REOPEN: 1, Rung.REBIND: 1}


def test_three_failures_in_a_row_make_it_shaky():
    ladder = Ladder(may_rebind=False)
    climbed(ladder, 2, can_reset=False)
    assert not ladder.is_shaky
    climbed(ladder, 1)
    assert ladder.is_shaky
    ladder.lasted()
    assert not ladder.is_shaky


def test_only_the_first_round_tells_each_new_process():
    ladder = Ladder(may_rebind=True)
    news = [ladder.is_news(rung) for rung in climbed(ladder, 8)]
    assert news[2]
    assert news[4]
    assert [ladder.is_news(rung) for rung in climbed(ladder, 4)] == [False, False, True, False]
