"""Answers as Gmail writes them, in the languages it speaks. Imported by ``generate``."""

from __future__ import annotations

from corpus.kit import MARKED, OURS_HTML, WAY, html, multi, plain, reply

GMAIL_LINE = "On Mon, Nov 3, 2025 at 10:00 AM Plant north <plant@example.com> wrote:"
reply(
    "gmail_web",
    multi(
        plain(
            f"{WAY}\n\nOn Mon, Nov 3, 2025 at 10:00\u202fAM Plant north <plant@example.com>\nwrote:\n\n{MARKED}\n>\n",
            "utf-8",
            "quoted-printable",
        ),
        html(
            f'<div dir="ltr">A123 on my way</div><br><div class="gmail_quote gmail_quote_container"><div dir="ltr" class="gmail_attr">{GMAIL_LINE.replace("<", "&lt;").replace(">", "&gt;")}<br></div><blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex">{OURS_HTML}<br></blockquote></div>'
        ),
    ),
)
reply(
    "gmail_html_only",
    html(
        f'<div dir="auto">A123 on my way</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">Am Mo., 3. Nov. 2025 um 10:00&nbsp;Uhr schrieb Plant:<br></div><blockquote class="gmail_quote">{OURS_HTML}</blockquote></div>'
    ),
)
reply(
    "gmail_signature",
    multi(
        plain(f"{WAY}\n\n-- \nAdam Lim, A123 Engineering\n+65 9123 4567\n\n{GMAIL_LINE}\n\n{MARKED}\n"),
        html(
            f'<div dir="ltr">A123 on my way<br clear="all"><div><br></div><span class="gmail_signature_prefix">-- </span><br><div dir="ltr" class="gmail_signature" data-smartmail="gmail_signature">Adam Lim, A123 Engineering</div></div><br><div class="gmail_quote"><blockquote>{OURS_HTML}</blockquote></div>'
        ),
    ),
)
reply("gmail_mobile", f"{WAY}\n\nOn Mon, 3 Nov 2025, 10:00 Plant north, <plant@example.com> wrote:\n\n{MARKED}")
for language, line, text in (
    ("german", "Am Mo., 3. Nov. 2025 um 10:00 Uhr schrieb Plant north <\nplant@example.com>:", "A123 komme"),
    ("french", "Le lun. 3 nov. 2025 à 10:00, Plant north <plant@example.com> a écrit :", "A123 j'arrive"),
    ("spanish", "El lun, 3 nov 2025 a las 10:00, Plant north (<plant@example.com>)\nescribió:", "A123 voy"),
    ("italian", "Il giorno lun 3 nov 2025 alle ore 10:00 Plant north <plant@example.com> ha\nscritto:", "A123 arrivo"),
    ("portuguese", "Em seg., 3 de nov. de 2025 às 10:00, Plant north <plant@example.com>\nescreveu:", "A123 a caminho"),
    ("dutch", "Op ma 3 nov 2025 om 10:00 schreef Plant north <plant@example.com>:", "A123 onderweg"),
    ("swedish", "Den mån 3 nov. 2025 kl 10:00 skrev Plant north <plant@example.com>:", "A123 på väg"),
    ("polish", "pon., 3 lis 2025 o 10:00 Plant north <plant@example.com> napisał(a):", "A123 jadę"),
    ("russian", "пн, 3 нояб. 2025 г. в 10:00, Plant north <plant@example.com>:", "A123 еду"),
    ("chinese", "Plant north <plant@example.com> 于2025年11月3日周一 10:00写道：", "A123 马上到"),
    ("japanese", "2025年11月3日(月) 10:00 Plant north <plant@example.com>:", "A123 向かいます"),
    ("korean", "2025년 11월 3일 (월) 오전 10:00, Plant north <plant@example.com>님이 작성:", "A123 갑니다"),
    ("turkish", "Plant north <plant@example.com>, 3 Kas 2025 Pzt, 10:00 tarihinde şunu\nyazdı:", "A123 geliyorum"),
    ("malay", "Pada Isn, 3 Nov 2025 10:00 Plant north <plant@example.com> menulis:", "A123 dalam perjalanan"),
    ("hebrew", "\u202bבתאריך יום ב׳, 3 בנוב׳ 2025 ב-10:00 מאת \u202aPlant north\u202c\u200f <\u202aplant@example.com\u202c\u200f>:\u202c", "A123 בדרך"),
):  # fmt: skip
    reply(f"gmail_{language}", f"{text}\n\n{line}\n\n{MARKED}", text)
reply(
    "gmail_inline", f"{GMAIL_LINE}\n\n> Pump 3: pressure high, 7.4 bar\n\nA123 on my way\n\n>\n> ACK: Reply A123 + msg"
)
reply("gmail_no_blank_line", f"{WAY}\n{GMAIL_LINE}\n{MARKED}")
reply(
    "gmail_wrapped_no_blank_line",
    f"{WAY}\nOn Mon, Nov 3, 2025 at 10:00 AM Plant north\n<plant@example.com>\nwrote:\n\n{MARKED}",
)
reply("gmail_only_quote", f"{GMAIL_LINE}\n\n{MARKED}", "")
