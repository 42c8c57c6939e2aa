"""Answers as Apple's mail programs write them. Imported by ``generate``."""

from __future__ import annotations

from corpus.kit import MARKED, OURS, OURS_HTML, WAY, html, multi, plain, reply

reply(
    "apple_mail_mac",
    multi(
        plain(
            f"{WAY}\n\n> On 3 Nov 2025, at 10:00 AM, Plant north <plant@example.com> wrote:\n>=20\n> Pump 3: pressure high, 7.4 bar\n>=20\n> ACK: Reply A123 + msg\n".replace(
                "=20", " "
            ),
            "utf-8",
            "quoted-printable",
        ),
        html(
            f'<html><head></head><body style="overflow-wrap: break-word;">A123 on my way<br id="lineBreakAtBeginningOfMessage"><div><br><blockquote type="cite"><div>On 3 Nov 2025, at 10:00 AM, Plant wrote:</div><br><div>{OURS_HTML}</div></blockquote></div></body></html>'
        ),
    ),
)
reply(
    "apple_iphone",
    f"{WAY}\n\nSent from my iPhone 15\n\n> On 3 Nov 2025, at 10:00, Plant north <plant@example.com> wrote:\n> \n{MARKED}",
)
reply(
    "apple_iphone_german",
    f"A123 komme\n\nVon meinem iPhone gesendet\n\n> Am 03.11.2025 um 10:00 schrieb Plant north <plant@example.com>:\n> \n> {OURS.splitlines()[0]}",
    "A123 komme",
)
reply(
    "apple_iphone_chinese",
    plain(
        f"A123 马上到\n\n发自我的iPhone\n\n> 在 2025年11月3日，10:00，Plant north <plant@example.com> 写道：\n> \n{MARKED}\n",
        encoding="base64",
    ),
    "A123 马上到",
)
reply(
    "apple_iphone_html_only",
    html(
        f'<html><body dir="auto">A123 on my way<br id="lineBreakAtBeginningOfSignature"><div dir="ltr">Sent from my iPhone</div><div dir="ltr"><br><blockquote type="cite">On 3 Nov 2025, at 10:00, Plant wrote:<br><br></blockquote></div><blockquote type="cite"><div dir="ltr">{OURS_HTML}</div></blockquote></body></html>'
    ),
)
reply(
    "apple_photo_attached",
    multi(
        plain(f"{WAY}\n"),
        b"Content-Type: image/jpeg; name=IMG_0001.jpeg\nContent-Disposition: inline; filename=IMG_0001.jpeg\nContent-Transfer-Encoding: base64\n\n/9j/4AAQSkZJRgABAQ==\n",
        plain(f"\n\nSent from my iPhone\n\n{MARKED}\n"),
        kind="mixed",
        boundary="Apple-Mail-9A1",
    ),
)
reply(
    "apple_mac_bottom",
    f"On 3 Nov 2025, at 10:00 AM, Plant north <plant@example.com> wrote:\n\n{MARKED}\n\nA123 on my way\n\nAdam",
    "A123 on my way\n\nAdam",
)
reply(
    "apple_forward",
    f"Is this yours?\n\nBegin forwarded message:\n\nFrom: Plant north <plant@example.com>\nSubject: [HIGH] Pump 3\nDate: 3 November 2025 at 10:00:00 GMT+8\nTo: Adam\n\n{OURS}",
    "Is this yours?",
    subject="Fwd: [HIGH] Pump 3",
)
