"""Documents of the API as people read them. Each function prints one; keys a daemon does not send are left out."""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

from addispatch.cli import table
from addispatch.cli.text import (
    brief,
    clock_text,
    colour,
    cut,
    duration,
    event_line,
    fold,
    is_terminal,
    name_zone,
    printable,
    short_time,
    signal,
    terminal_columns,
    use_zone,
    word_colour,
    wrap,
)

Doc = dict[str, Any]

#: What is counted in the queue, in the order shown.
_WAITING = ("queued", "sending", "in_doubt")
#: How much of a text a list of deliveries shows, in columns.
_FIRST_WORDS = 40
#: Where the values of the status begin.
_LABEL = 10


def cases(document: Doc) -> None:
    """Print a list of cases."""
    rows = [
        (
            c.get("code"),
            c.get("priority"),
            c.get("state"),
            short_time(c.get("opened_at")),
            c.get("audience"),
            brief(c.get("last_text") or c.get("text")),
        )
        for c in document["cases"]
    ]
    table.show(("CODE", "PRIORITY", "STATE", "OPENED", "FOR", "TEXT"), rows, nothing="no cases")
    _more(document)


def deliveries(document: Doc) -> None:
    """Print a list of deliveries."""
    rows = [
        (
            d.get("state"),
            short_time(_last_time(d)),
            d.get("code"),
            d.get("channel"),
            _person(d),
            d.get("attempts"),
            _told(d),
        )
        for d in document["deliveries"]
    ]
    titles = ("STATE", "WHEN", "CODE", "CHANNEL", "TO", "TRIES", "TEXT")
    table.show(titles, rows, nothing="no deliveries", whole=True, unbroken=(titles.index("TO"),))
    _more(document)


def received(document: Doc) -> None:
    """Print messages that came in."""
    rows = [
        (short_time(m.get("received_at")), m.get("channel"), m.get("sender"), m.get("modem"), brief(m.get("text")))
        for m in document["received"]
    ]
    table.show(("WHEN", "CHANNEL", "FROM", "BY", "TEXT"), rows, nothing="no messages came in")
    _more(document)


def events(document: Doc) -> None:
    """Print events in the order they happened."""
    if is_terminal():  # elsewhere each line is one of the log
        name_zone()
    for event in document["events"]:
        print(event_line(event))


def modems(document: Doc) -> None:
    """Print the modems."""
    rows = [(m.get("name"), _state(m), signal(m.get("signal")), _network(m), _port(m)) for m in document["modems"]]
    table.show(("MODEM", "STATE", "SIGNAL", "NETWORK", "PORT"), rows, nothing="no modems", whole=True)


def plugins(document: Doc) -> None:
    """Print the plugins with their status."""
    rows = [
        (p.get("name"), p.get("status"), p.get("version"), p.get("reason") or p.get("status_line") or p.get("summary"))
        for p in document["plugins"]
    ]
    table.show(("PLUGIN", "STATUS", "VERSION", "NOW"), rows, nothing="no plugins", whole=True)


def why(document: Doc) -> None:
    """Print the plan of a dry run in words, then the texts that would go out."""
    for line in document["plan"]:
        print(fold(printable(line)))
    listed = [d for d in document["deliveries"] if not d.get("problem")]
    rows = [(d.get("channel"), _person(d), d.get("when"), d.get("segments"), d.get("text")) for d in listed]
    table.show(("CHANNEL", "TO", "WHEN", "SMS", "TEXT"), rows, nothing="Nobody would be told.", whole=True)
    steps = document.get("timeline", [])
    if len(steps) > 1:
        print(f"\nIf nobody acknowledges ({printable(document.get('timezone', 'UTC'))}):")
        use_zone(document.get("timezone", "UTC"))
        shown = [(clock_text(s["at"]), s["audience"], s["step"], ", ".join(s["who"]) or s["problem"]) for s in steps]
        table.show(("AT", "FOR", "STEP", "WHO"), shown, nothing="", whole=True)


def counts(document: Doc) -> None:
    """Print what an import did to each table."""
    for name, what in document.items():
        words = ", ".join(f"{count} {did}" for did, count in what.items() if count)
        print(f"{printable(name)}: {printable(words or 'nothing to change')}")


def tokens(document: Doc) -> None:
    """Print the API tokens."""
    rows = [(t.get("role"), short_time(t.get("created_at")), t.get("name")) for t in document["tokens"]]
    table.show(("ROLE", "MADE", "NAME"), rows, nothing="no API tokens")
    name_zone()


def new_token(document: Doc) -> None:
    """Print a token; only this once."""
    print(printable(document["token"]))
    print(colour("keep it: it is shown only now", "dim"), file=sys.stderr)


def removed(_document: Doc) -> None:
    """Say that it is gone."""
    print("removed")


_MONITORS_WRONG = (("alarm", "in alarm"), ("down", "down"))


def status(document: Doc) -> None:
    """Print the state of the node on one screen."""
    warnings = document.get("warnings", [])
    state = printable(document.get("state")).partition(":")[0]  # the rest is the first warning
    print(
        fold(
            f"{colour(state, 'yellow' if warnings else 'green')}  {printable(document.get('node'))}  {_about(document)}"
        )
    )
    _warn(warnings)
    _line("plugins", _plugins_line(document.get("plugins", [])))
    _line("channels", ", ".join(_channel(c) for c in document.get("channels", ())))
    _line("modems", "; ".join(_modem_line(m) for m in document.get("modems", ())))
    if monitors := _monitors_line(document.get("monitors") or {}):
        _line("monitors", monitors)
    if pair := document.get("pair"):
        _line("pair", _pair_line(pair))
    _line("queue", _queue_line(document))
    _line("cases", _cases_line(document.get("cases", {})))
    if document.get("time"):
        _line("clock", f"{clock_text(document['time'])} {printable(document.get('timezone'))}")
    ledger = document.get("ledger", {})
    size = ledger.get("size_bytes")
    _line("ledger", printable(ledger.get("path", "")) + (f", {size / 1024:,.0f} KiB" if isinstance(size, int) else ""))


def _about(document: Doc) -> str:
    seconds = document.get("uptime_s")
    up = f", up {duration(seconds)}" if isinstance(seconds, int | float) else ""
    return f"addispatch {printable(document.get('version', ''))}{up}"


def _warn(warnings: list[str]) -> None:
    for warning in warnings:
        print(fold(colour(f"[!] {printable(warning)}", "yellow"), indent=4))


def _pair_line(pair: Doc) -> str:
    """The role, what this node does, and whether the other one is there; why not is among the warnings."""
    settled = "" if pair.get("settled") else ", not settled: it sends nothing yet"
    name = f" {pair['peer']}" if pair.get("peer") else ""
    standing = str(pair.get("peer_status", "")).partition(".")[0]
    return printable(f"{pair.get('role')}, {pair.get('state')}{settled}; other node{name}: {standing}")


def _monitors_line(count: Doc) -> str:
    """Empty if there are none."""
    wrong = [colour(f"{count[key]} {words}", "red") for key, words in _MONITORS_WRONG if count.get(key)]
    return (
        ", ".join([f"{count['watched']} watched", *(wrong or ["none in alarm or down"])])
        if count.get("watched")
        else ""
    )


def _cases_line(count: Doc) -> str:
    waiting = count.get("unacknowledged", 0)
    asked = f" ({waiting} {'waits' if waiting == 1 else 'wait'} for an acknowledgement)" if waiting else ""
    return f"{count.get('open', 0)} open{asked}, {count.get('acknowledged', 0)} acknowledged"


def _queue_line(document: Doc) -> str:
    queue, oldest = document.get("queue", {}), document.get("queue_oldest_s")
    waiting = ", ".join(f"{queue[name]} {name.replace('_', ' ')}" for name in _WAITING if queue.get(name))
    return (waiting or "empty") + (f", the oldest for {duration(oldest)}" if oldest else "")


def sent(document: Doc) -> None:
    """Print what a ``send`` started: the cases and their deliveries."""
    _warn(document.get("warnings", []))
    if not document["cases"]:
        print(colour("accepted, but it reaches nobody: 'addispatch why' tells the reason", "yellow"))
    for case in document["cases"]:
        listed = case.get("deliveries", ())
        states = Counter(d.get("state") for d in listed)
        summary = ", ".join(f"{n} {_plural('delivery', n)} {printable(state)}" for state, n in states.items())
        code = f" {printable(case['code'])}" if case.get("code") else ""
        audience = f" for {printable(case['audience'])}" if case.get("audience") else ""
        print(fold(f"case{code}{audience} {printable(case.get('state', 'opened'))}: {summary or 'nobody to tell'}"))
        for one in listed:
            print(fold("  " + delivery_line(one)))


def delivery_line(delivery: Doc) -> str:
    """Say one delivery in a line."""
    state = printable(delivery.get("state"))
    name = word_colour(state)
    how = _outcome(delivery)
    if how:
        how = f": {how}" if delivery.get("error") else f" {how}"
    shown = colour(state, name) if name else state
    return f"{printable(delivery.get('channel'))} to {printable(_person(delivery))}: {shown}{how}"


def _line(name: str, text: str) -> None:
    columns = terminal_columns()
    first, *rest = wrap(text or "-", max(columns - _LABEL, 10)) if columns else [text or "-"]
    print(colour(f"{name:<{_LABEL}}", "dim") + first)
    for part in rest:
        print(" " * _LABEL + part)


def _more(document: Doc) -> None:
    """Say below a list how it goes on, and in which time zone its times are."""
    if any(document.values()):
        name_zone()
    if document.get("next"):
        print(colour(f"more: --cursor {printable(document['next'])}", "dim"))


def _plural(word: str, count: int) -> str:
    return word if count == 1 else word.removesuffix("y") + "ies"


def _person(delivery: Doc) -> str:
    name, address = delivery.get("recipient"), delivery.get("to")
    return f"{name} ({address})" if name and address and name != address else str(name or address or "-")


def _last_time(delivery: Doc) -> Any:
    return delivery.get("delivered_at") or delivery.get("sent_at") or delivery.get("queued_at")


def _outcome(delivery: Doc) -> str:
    if delivery.get("error"):
        return printable(delivery["error"])
    return f"by {printable(delivery['modem'])}" if delivery.get("modem") else ""


def _told(delivery: Doc) -> str:
    """The first words of a text, and what became of it."""
    first = str(delivery.get("text") or "").strip().partition("\n")[0]  # without the footnote
    words, how = cut(" ".join(printable(first).split()), _FIRST_WORDS), _outcome(delivery)
    return f"{words} ({how})" if words and how else words or how


def _state(modem: Doc) -> str:
    return f"{modem.get('state') or '-'}{', calling' if modem.get('calling') else ''}"


def _network(modem: Doc) -> str:
    operator, technology = modem.get("operator"), modem.get("technology")
    return f"{operator} ({technology})" if operator and technology else str(operator or "-")


def _port(modem: Doc) -> str:
    port = str(modem.get("port") or "-")
    return f"{port}: {modem['error']}" if modem.get("error") else port


def _modem_line(modem: Doc) -> str:
    state = printable(modem.get("state"))
    name = word_colour(state)
    shown = colour(state, name) if name else state
    return f"{printable(modem.get('name'))} {shown} {signal(modem.get('signal'))} {printable(_network(modem))}"


def _channel(channel: Doc) -> str:
    name = printable(channel.get("name"))
    return f"{name} {colour('up', 'green') if channel.get('up') else colour('down', 'red')}"  # a warning says why


def _plugins_line(listed: list[Doc]) -> str:
    by_status: dict[str, list[str]] = {}
    for plugin in listed:
        by_status.setdefault(str(plugin.get("status")), []).append(printable(plugin.get("name")))
    parts = []
    for state, names in by_status.items():
        name = word_colour(state)
        parts.append(f"{colour(state, name) if name else state} {', '.join(names)}")
    return "; ".join(parts)
