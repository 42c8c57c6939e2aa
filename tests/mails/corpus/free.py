"""Answers as Thunderbird, K-9 and other free programs write them. Imported by ``generate``."""

from __future__ import annotations

from corpus.kit import MARKED, OURS, OURS_HTML, WAY, html, multi, plain, reply

TB_LINE = "On 03/11/2025 10:00, Plant north wrote:"
reply("thunderbird_top", f"{WAY}\n\n{TB_LINE}\n{MARKED}", User_Agent="Mozilla Thunderbird")
reply("thunderbird_bottom", f"{TB_LINE}\n{MARKED}\n\n{WAY}\n\n-- \nAdam, ext. 1234")
reply("thunderbird_bottom_no_blank", f"{TB_LINE}\n{MARKED}\n{WAY}")
reply(
    "thunderbird_inline",
    f"{TB_LINE}\n> Pump 3: pressure high, 7.4 bar\nno A123, not my pump\n> ACK: Reply A123 + msg\n",
    "no A123, not my pump",
)
reply(
    "thunderbird_flowed",
    plain(
        f"A123 on my way, about \n20 minutes from here\n\nAm 03.11.25 um 10:00 schrieb Plant north:\n{MARKED}\n",
        encoding="7bit",
        format="flowed",
    ),
    "A123 on my way, about 20 minutes from here",
)
reply(
    "thunderbird_html",
    html(
        '<!DOCTYPE html><html><head><meta charset="UTF-8"></head><body><p>A123 on my way</p><div class="moz-cite-prefix">Am 03.11.25 um 10:00 schrieb Plant north:<br></div><blockquote type="cite" cite="mid:ack.x@example.com"><pre class="moz-quote-pre" wrap="">Pump 3: pressure high\n\nACK: Reply A123 + msg</pre></blockquote><div class="moz-signature">-- <br>B200</div></body></html>'
    ),
)
reply(
    "thunderbird_html_bottom",
    html(
        f'<html><body><div class="moz-cite-prefix">On 03/11/2025 10:00, Plant wrote:<br></div><blockquote type="cite">{OURS_HTML}</blockquote><p>A123 on my way</p></body></html>'
    ),
)
reply(
    "thunderbird_wrapped_quote",
    f"{TB_LINE}\n> Pump 3: pressure high, 7.4 bar, see the display in the control room and\nA123 on the cabinet door\n> ACK: Reply A123 + msg\n\nWhat is that?",
    "What is that?",
)
reply(
    "thunderbird_forward",
    f"Please look\n\n-------- Forwarded Message --------\nSubject: [HIGH] Pump 3\nDate: Mon, 3 Nov 2025 10:00:00 +0800\nFrom: Plant north <plant@example.com>\nTo: adam@example.com\n\n{OURS}",
    "Please look",
    subject="Fwd: [HIGH] Pump 3",
)
reply(
    "k9_top",
    f"{WAY}\n\nOn 3 November 2025 10:00:00 GMT+08:00, Plant north <plant@example.com> wrote:\n{MARKED}\n-- \nSent from my Android device with K-9 Mail. Please excuse my brevity.",
)
reply(
    "k9_german",
    f"A123 komme\n\nDiese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.\n\nAm 3. November 2025 10:00:00 MEZ schrieb Plant north <plant@example.com>:\n{MARKED}",
    "A123 komme",
)
reply(
    "k9_html",
    html(
        f'<html><head></head><body><div dir="auto">A123 on my way</div><br><br><div class="gmail_quote"><div dir="auto">On 3 November 2025 10:00:00, Plant wrote:</div><blockquote class="gmail_quote" style="margin: 0pt 0pt 0pt 0.8ex;"><pre dir="auto" class="k9mail">{OURS}</pre></blockquote></div></body></html>'
    ),
)
reply("mutt", f"{WAY}\n\nOn Mon, Nov 03, 2025 at 10:00:00AM +0800, Plant north wrote:\n{MARKED}\n\n-- \nadam")
reply("roundcube", f"{WAY}\n\n---\nAdam Lim\nA123 Street\n\nOn 2025-11-03 10:00, Plant north wrote:\n{MARKED}")
reply(
    "proton",
    multi(
        plain(
            f"{WAY}\n\nSent from Proton Mail Android\n\n-------- Original Message --------\nOn 03/11/2025 10:00, Plant north wrote:\n\n{MARKED.replace('> ', '>  ')}\n"
        ),
        html(
            f'A123 on my way<br><div class="protonmail_signature_block">Sent from Proton</div><div class="protonmail_quote">-------- Original Message --------<br><blockquote>{OURS_HTML}</blockquote></div>'
        ),
    ),
)
