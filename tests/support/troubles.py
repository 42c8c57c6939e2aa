"""What a modem can do wrong, as orders to a simulated one, and what people see of it: for fault matrix and soak."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Trouble:
    """``begin`` and ``end`` are orders to the simulated modem; ``shows`` is what people see of it, a pattern."""

    name: str
    begin: tuple[str, ...]
    shows: str
    end: tuple[str, ...] = ("mend",)
    #: A text may leave without anybody knowing: it comes again, marked.
    doubtful: bool = False
    #: It goes on working, perhaps worse.
    harmless: bool = False
    #: How many messages come in meanwhile, all at once.
    incoming: int = 0
    lasts_s: float = 5.0
    in_make_test: bool = False


ONCE: tuple[str, ...] = ()  # it ends by itself
NO_ANSWER = r"no answer|stopped answering|nothing answers|does not answer"


def at_start(*orders: str) -> tuple[str, ...]:
    """Trouble that is met when the modem is brought up."""
    return ("unplug", *orders, "replug")


TROUBLES = (
    Trouble("wedged: silent at everything", ("fault silent:*:always",), NO_ANSWER, in_make_test=True),
    Trouble("prompt never comes", ("fault no_prompt",), NO_ANSWER, ONCE),
    Trouble("no answer after the text", ("fault silent",), NO_ANSWER, ONCE, doubtful=True, in_make_test=True),
    Trouble("OK after the time-out", ("fault ok_late:CMGS:1:6",), NO_ANSWER, ONCE, doubtful=True),
    Trouble("slow network: OK after 2 s", ("fault ok_late:CMGS:3:2",), "sent by sick", ONCE, harmless=True),
    Trouble("garbage before an answer", ("fault garbage:CSQ:2", "fault garbage:CPMS:2"), "", ONCE, harmless=True),
    Trouble("garbage after the text", ("fault garbage:CMGS:2",), "sent by sick", ONCE, harmless=True),
    Trouble("garbage all the time", ("fault garbage:*:always",), "answers what nobody asked"),
    Trouble("echo goes off and stays off", at_start("fault no_echo:*:always"), "no echo|answer"),
    Trouble("slow line, 960 bytes/s", ("speed 960",), "sent by sick", harmless=True),
    Trouble("unusably slow line, 20 bytes/s", ("speed 20",), "broken"),
    Trouble("CMS 38 at the prompt", ("fault error:CMGS:2:38",), "CMS 38|out of order", ONCE, harmless=True),
    Trouble("CMS 331 at the prompt", ("fault error:CMGS:2:331",), "no mobile network", ONCE, harmless=True),
    Trouble("CMS 500 at the prompt", ("fault error:CMGS:2:500",), "CMS 500", ONCE, harmless=True),
    Trouble("CMS 322 at the prompt: memory full", ("fault error:CMGS:2:322",), "CMS 322", ONCE, harmless=True),
    Trouble("CMS 310 at the prompt: no SIM", ("fault error:CMGS:1:310",), "CMS 310", ONCE),
    Trouble("plain ERROR at the prompt", ("fault error:CMGS:2",), "refused|ERR_", ONCE, harmless=True),
    Trouble(
        "CMS 38 after the text", ("fault error_after_pdu:CMGS:2:38",), "CMS 38", ONCE, harmless=True, in_make_test=True
    ),
    Trouble("CMS 500 after the text", ("fault error_after_pdu:CMGS:2:500",), "CMS 500", ONCE, harmless=True),
    Trouble("CME 30 at registration", ("fault error:CREG:4:30",), "", ONCE, harmless=True),
    Trouble("unplugged while idle", ("unplug",), "there is no such port|the port is gone", ("replug",)),
    Trouble(
        "unplugged in mid-send",
        ("fault unplug",),
        "no such port|port is gone",
        ("replug",),
        doubtful=True,
        in_make_test=True,
    ),
    Trouble("SIM asks for a PIN and none is set", at_start("sim pin"), "wants a PIN and none is configured"),
    Trouble("SIM asks for its PUK", at_start("sim puk"), "PUK", in_make_test=True),
    Trouble("SIM taken out", ("sim out",), "no SIM card", lasts_s=12),
    Trouble("not registered", ("network off",), "degraded|no mobile network", in_make_test=True),
    Trouble("signal lost, still registered", ("signal 99",), "sent by sick", harmless=True),
    Trouble("memory for messages full", ("fill",), "sent by sick", ("empty",), harmless=True),
    Trouble("50 unsolicited lines a second", ("chatter 50",), "sent by sick", harmless=True),
    Trouble("brought up amid 50 unsolicited lines a second", at_start("chatter 50"), NO_ANSWER, lasts_s=15),
    Trouble("unsolicited lines libGammu does not know", at_start("chatter 1 +CIEV: 2,4"), NO_ANSWER, lasts_s=15),
    Trouble("5 unsolicited lines a second", ("chatter 5",), "sent by sick", harmless=True),
    Trouble(
        "50 unsolicited lines a second after the text",
        ("fault urc_flood:CMGS:1:3.5",),
        "ERR_TIMEOUT|no answer",
        ONCE,
        doubtful=True,
    ),
    Trouble("each message announced twice", ("announce 2",), "", harmless=True, incoming=3),
    Trouble("twelve announced in one go", ("announce 1 0.3",), "", harmless=True, incoming=12),
    *(
        Trouble(f"silent at AT+{command}", (f"fault silent:{command}:always",), NO_ANSWER, incoming=1)
        for command in ("CPMS", "CMGL", "CMGD")
    ),
    *(
        Trouble(
            f"silent at AT{command} when brought up", at_start(f"fault silent:{command}:always"), NO_ANSWER, lasts_s=15
        )
        for command in ("E", "+CMEE", "+CSCS", "+CGMM", "+CFUN", "+CHUP", "+CPIN", "+CNMI", "+CGSN", "+CIMI", "+CSQ")
    ),
    *(
        Trouble(
            f"silent at AT+{command} when brought up", at_start(f"fault silent:{command}:always"), NO_ANSWER, lasts_s=15
        )
        for command in ("CREG", "COPS", "CMGF")
    ),
)
