"""Purging over a line that is a script; with gammu on the same port in test_reception.py."""

from addispatch_plugins.modem.store import purge


class Line:
    def __init__(self, slots, chosen="ME"):
        self.slots, self.chosen, self.said = slots, chosen, []

    def forget(self):
        pass

    def question(self, command):
        if command == "AT+CPMS?":
            return [f'+CPMS: "{self.chosen}",1,50,"SM",0,50,"SM",0,50'], "OK"
        index = int(command.partition("=")[2])
        raw = self.slots[self.chosen].get(index)
        return ([], "+CMS ERROR: 321") if raw is None else (["+CMGR: 1,,4", raw], "OK")

    def ask(self, command):
        self.said.append(command)
        if command.startswith("AT+CPMS="):
            memory = command.split('"')[1]
            if memory not in self.slots:
                return "+CMS ERROR: 302"
            self.chosen = memory
            return "OK"
        return "OK" if self.slots[self.chosen].pop(int(command.partition("=")[2]), None) else "ERROR"


def test_what_lay_where_and_the_choice_is_put_back():
    line = Line({"SM": {1: "0491", 2: "keep"}, "ME": {3: "FF" * 400}})
    gone = purge(line, [1, 100_003, 9], 100_000)
    assert gone.keys() == {"1", "100003"}
    assert gone["1"] == "+CMGR: 1,,4 0491"
    assert len(gone["100003"]) == 400
    assert line.slots == {"SM": {2: "keep"}, "ME": {}}
    assert line.chosen == "ME"


def test_a_memory_that_cannot_be_chosen():
    line = Line({"SM": {1: "0491"}}, chosen="SM")
    assert purge(line, [100_001, 1], 100_000).keys() == {"1"}
