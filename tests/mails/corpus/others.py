"""Answers as Samsung's program, Yahoo and others write them. Imported by ``generate``."""

from __future__ import annotations

from corpus.kit import OURS, OURS_HTML, WAY, html, reply

reply(
    "samsung",
    f"{WAY}\n\nSent from my Galaxy\n\n-------- Original message --------From: Plant north <plant@example.com> Date: 03/11/2025  10:00  (GMT+08:00) To: adam@example.com Subject: [HIGH] Pump 3 \n{OURS}",
)
reply(
    "samsung_html",
    html(
        f'<html><head></head><body dir="auto"><div dir="auto">A123 on my way</div><div><br></div><div id="composer_signature" dir="auto"><div style="font-size:12px;color:#575757">Sent from my Galaxy S24</div></div><div><br></div><div style="font-size:100%"><!-- originalMessage --><div>-------- Original message --------</div><div>From: Plant north &lt;plant@example.com&gt; </div><div>Date: 03/11/2025  10:00 </div></div>{OURS_HTML}</body></html>'
    ),
)
reply(
    "yahoo_web_unmarked",
    f"{WAY}\n\n    On Monday, 3 November 2025 at 10:00:00 GMT+8, Plant north <plant@example.com> wrote:  \n \n Pump 3: pressure high, 7.4 bar\n\n ACK: Reply A123 + msg  ",
)
reply(
    "yahoo_only_quote_unmarked",
    "    On Monday, 3 November 2025 at 10:00:00 GMT+8, Plant north <plant@example.com> wrote:  \n \n A123 Pump 3: pressure high\n\n ACK: Reply A123 + msg  ",
    "",
)
reply(
    "yahoo_mobile",
    f"{WAY}\n\nSent from Yahoo Mail on Android \n \n  On Mon, 3 Nov 2025 at 10:00, Plant north<plant@example.com> wrote:   Pump 3: pressure high\nACK: Reply A123 + msg  ",
)
reply(
    "yahoo_html",
    html(
        f'<html><head></head><body><div class="ydp1-yahoo-style-wrap"><div dir="ltr">A123 on my way</div><div><br></div></div><div id="ydpyahoo_quoted" class="ydpyahoo_quoted yahoo_quoted"><div>On Monday, Plant wrote:</div><div>{OURS_HTML}</div></div></body></html>'
    ),
)
reply("zoho", f"{WAY}\n\n\n---- On Mon, 03 Nov 2025 10:00:00 +0800 Plant north <plant@example.com> wrote ---\n\n{OURS}")
reply(
    "qq_mail",
    html(
        f'<div>A123 马上到</div><div><br></div><div style="font-size:12px"><br></div><div style="font-size:12px;padding:2px 0;">------------------&nbsp;原始邮件&nbsp;------------------</div><div style="font-size:12px;background:#efefef;"><div><b>发件人:</b>&nbsp;"Plant" &lt;plant@example.com&gt;;</div><div><b>发送时间:</b>&nbsp;2025年11月3日(星期一) 上午10:00</div></div><div>{OURS_HTML}</div>',
        "gb18030",
        "base64",
    ),
    "A123 马上到",
)
reply(
    "gmx_german",
    f'A123 komme\n\nGesendet: Montag, 3. November 2025 um 10:00 Uhr\nVon: "Plant north" <plant@example.com>\nAn: adam@example.com\nBetreff: [HIGH] Pump 3\n\n{OURS}',
    "A123 komme",
)
reply(
    "lotus_notes",
    f"{WAY}\n\n\nPlant north <plant@example.com> wrote on 03.11.2025 10:00:00:\n\n> From: Plant north\n> {OURS.splitlines()[0]}",
)
reply(
    "blackberry",
    f"{WAY}\n\nSent from my BlackBerry 10 smartphone.\n  Original Message\nFrom: Plant north\nSent: Monday, 3 November 2025 10:00\nTo: Adam\nSubject: [HIGH] Pump 3\n\n{OURS}",
)
