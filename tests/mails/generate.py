"""Writes the corpus of mails (*.eml) and what is expected of each (expected.toml): python tests/mails/generate.py.

All are written by hand after the habits of the programs they name; none is anybody's mail. The files are checked in, so
that a change here shows. Tokens are fakes of the right length.
"""

from __future__ import annotations

import base64
import quopri
from pathlib import Path

HERE = Path(__file__).parent
ONE, TWO = "Tok3n-One_" * 5 + "abcdef", "tOk3N_Two-" * 5 + "uvwxyz"
OUR_ID = f"<ack.{ONE}.17.node-a@example.com>"
OUR_OTHER_ID = f"<ack.{TWO}.12.node-a@example.com>"
#: What we sent, as it stands in quotes.
OURS = "Pump 3: pressure high, 7.4 bar\n\nACK: Reply A123 + msg"
MARKED = "> Pump 3: pressure high, 7.4 bar\n>\n> ACK: Reply A123 + msg"
OURS_HTML = "Pump 3: pressure high, 7.4 bar<br><br>ACK: Reply A123 + msg"
WAY = "A123 on my way"

#: name -> (raw mail, expected)
MAILS: dict[str, tuple[bytes, dict[str, object]]] = {}


def head(subject="Re: [HIGH] Pump 3", sender="Adam Lim <Adam@Example.com>", *, ours=OUR_ID, references=None, **fields):
    lines = {
        "Return-Path": "<adam@example.com>",
        "Received": "from mx.example.com (mx.example.com [192.0.2.7])\n\tby mail.example.com with ESMTPS id 4Xy1;\n\tMon, 3 Nov 2025 10:02:11 +0800 (+08)",
        "From": sender,
        "To": "Plant north <acks@example.com>",
        "Subject": subject,
        "Date": "Mon, 3 Nov 2025 10:02:09 +0800",
        "Message-ID": "<CAF0k1d=9x7@mail.example.com>",
        "In-Reply-To": ours,
        "References": references or ours,
        "MIME-Version": "1.0",
    }
    lines.update({name.replace("_", "-"): value for name, value in fields.items()})
    return "".join(f"{name}: {value}\n" for name, value in lines.items() if value)


def add(name, raw, text=None, tokens=1, automatic=""):
    expected: dict[str, object] = {"text": text, "tokens": tokens} if not automatic else {"automatic": automatic}
    assert name not in MAILS
    MAILS[name] = (raw if isinstance(raw, bytes) else raw.encode(), expected)


def plain(body, charset="utf-8", encoding="7bit", **parameters):
    raw = body.encode(charset, "surrogateescape") if isinstance(body, str) else body
    more = "".join(f"; {key}={value}" for key, value in parameters.items())
    shown = parameters.pop("declared", charset)
    more = more.replace(f"; declared={shown}", "")
    if encoding == "base64":
        raw = base64.encodebytes(raw)
    elif encoding == "quoted-printable":
        raw = quopri.encodestring(raw)
    return f"Content-Type: text/plain; charset={shown}{more}\nContent-Transfer-Encoding: {encoding}\n\n".encode() + raw


def html(body, charset="utf-8", encoding="quoted-printable"):
    return plain(body, charset, encoding).replace(b"text/plain", b"text/html", 1)


def multi(*parts, kind="alternative", boundary="=_b1", more=""):
    delimiter = f"--{boundary}".encode()
    body = b"".join(b"\n" + delimiter + b"\n" + part for part in parts)
    return (
        f'Content-Type: multipart/{kind}; boundary="{boundary}"{more}\n'.encode() + body + b"\n" + delimiter + b"--\n"
    )


def reply(name, body, text=WAY, tokens=1, **fields):
    """A person's answer in plain text or with the parts given as bytes."""
    content = body if isinstance(body, bytes) else plain(f"{body}\n", encoding="8bit")
    add(name, head(**fields).encode() + content, text, tokens)


def machine(name, automatic, body="I am away until 10 November. For A123 call Jane.", content=None, **fields):
    content = plain(f"{body}\n", encoding="8bit") if content is None else content
    add(name, head(**fields).encode() + content, automatic=automatic)


# -- Outlook --------------------------------------------------------------------------------------------------------------
OUTLOOK = f"""From: Plant north <plant@example.com>\x20
Sent: Monday, 3 November 2025 10:00
To: Adam Lim <adam@example.com>
Subject: [HIGH] Pump 3

{OURS}"""
reply(
    "outlook_desktop_plain",
    f"{WAY}\n\nAdam Lim\nControl room B200, Tel. +65 6123 4567\n\n{OUTLOOK}",
    f"{WAY}\n\nAdam Lim\nControl room B200, Tel. +65 6123 4567",
)
reply("outlook_desktop_original_message", f"{WAY}\n\n-----Original Message-----\n{OUTLOOK}")
reply(
    "outlook_desktop_german",
    f"A123 bin unterwegs\n\nMit freundlichen Grüßen\nAdam Lim\nRaum A123\n\nVon: Plant north <plant@example.com>\nGesendet: Montag, 3. November 2025 10:00\nAn: Adam Lim <adam@example.com>\nBetreff: [HIGH] Pump 3\n\n{OURS}",
    "A123 bin unterwegs",
    subject="AW: [HIGH] Pump 3",
)
reply(
    "outlook_desktop_french",
    f"A123 j'arrive\n\nDe : Plant north <plant@example.com>\nEnvoyé : lundi 3 novembre 2025 10:00\nÀ : Adam Lim <adam@example.com>\nObjet : [HIGH] Pump 3\n\n{OURS}",
    "A123 j'arrive",
    subject="RE: [HIGH] Pump 3",
)
reply(
    "outlook_desktop_chinese",
    plain(
        f"A123 我马上到\n\n发件人: Plant north <plant@example.com>\n发送时间: 2025年11月3日 10:00\n收件人: Adam Lim\n主题: [HIGH] Pump 3\n\n{OURS}\n",
        "gb18030",
        "base64",
        declared="gb2312",
    ),
    "A123 我马上到",
    subject="=?gb2312?B?tPC4tDog?= [HIGH] Pump 3",
)
reply(
    "outlook_desktop_html_only",
    html(f"""<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><meta http-equiv=Content-Type content="text/html; charset=utf-8"><style><!-- p.MsoNormal {{margin:0cm;}} --></style></head><body lang=EN-GB><div class=WordSection1>
<p class=MsoNormal><span style='font-size:11.0pt'>A123 on my way<o:p></o:p></span></p><p class=MsoNormal><o:p>&nbsp;</o:p></p>
<div><div style='border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm'><p class=MsoNormal><b><span lang=EN-US>From:</span></b><span lang=EN-US> Plant north &lt;plant@example.com&gt; <br><b>Sent:</b> Monday, 3 November 2025 10:00<br><b>To:</b> Adam Lim &lt;adam@example.com&gt;<br><b>Subject:</b> [HIGH] Pump 3<o:p></o:p></span></p></div></div>
<p class=MsoNormal>{OURS_HTML}<o:p></o:p></p></div></body></html>"""),
)
OUTLOOK_WEB = f"""<html><head></head><body><div class="elementToProof" style="font-family: Aptos, sans-serif;">A123 on my way</div><div class="elementToProof"><br></div>
<div id="appendonsend"></div><hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font face="Calibri, sans-serif" style="font-size:11pt" color="#000000"><b>From:</b> Plant north &lt;plant@example.com&gt;<br><b>Sent:</b> 03 November 2025 10:00<br><b>To:</b> Adam Lim<br><b>Subject:</b> [HIGH] Pump 3</font><div>&nbsp;</div></div>
<div class="BodyFragment"><div class="PlainText">{OURS_HTML}</div></div></body></html>"""
reply("outlook_web", multi(plain(f"{WAY}\n\n________________________________\n{OUTLOOK}\n"), html(OUTLOOK_WEB)))
reply("outlook_web_html_only", html(OUTLOOK_WEB, encoding="base64"))
reply(
    "outlook_mobile_ios",
    multi(
        plain(f"{WAY}\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\n{OUTLOOK}\n"),
        html(
            f'<html><body><div dir="ltr">A123 on my way</div><div id="ms-outlook-mobile-signature">Get <a href="https://aka.ms/o0ukef">Outlook for iOS</a></div><div id="mail-editor-reference-message-container"><hr><b>From:</b> Plant north<br>{OURS_HTML}</div></body></html>'
        ),
    ),
)
reply(
    "outlook_mobile_android_german",
    f"A123 komme\n\nOutlook für Android herunterladen\n________________________________\n{OUTLOOK}",
    "A123 komme",
)
reply(
    "outlook_mobile_html_only",
    html(
        f'<html><body><div dir="auto">A123 on my way<br><br></div><div dir="auto" id="ms-outlook-mobile-signature">Hol dir <a href="x">Outlook für Android</a></div><div id="mail-editor-reference-message-container" dir="auto"><br><div style="text-align:left;padding:3pt 0;border-style:solid none none;border-top-width:1pt"><b>Von:</b> Plant<br></div>{OURS_HTML}</div></body></html>'
    ),
)
reply(
    "outlook_mac",
    f"{WAY}\n\nFrom: Plant north <plant@example.com>\nDate: Monday, 3 November 2025 at 10:00\nTo: Adam Lim <adam@example.com>\nSubject: [HIGH] Pump 3\n{OURS}",
)
reply(
    "windows_mail",
    f"{WAY}\n\nSent from Mail for Windows\n\nFrom: Plant north\nSent: Monday, 3 November 2025 10:00\nTo: Adam Lim\nSubject: [HIGH] Pump 3\n\n{OURS}",
)
reply(
    "exchange_owa_spanish",
    f"A123 voy\n\n________________________________\nDe: Plant north <plant@example.com>\nEnviado: lunes, 3 de noviembre de 2025 10:00\nPara: Adam Lim\nAsunto: [HIGH] Pump 3\n\n{OURS}",
    "A123 voy",
)
reply(
    "exchange_external_banner",
    f"CAUTION: This email originated from outside of the organization. Do not click links\nunless you recognize the sender.\n\n{WAY}\n\n{OUTLOOK}",
)
reply(
    "outlook_not_often",
    f"You don't often get email from adam@example.com. Learn why this is important<https://aka.ms/LearnAboutSenderIdentification>\n\n{WAY}\n\n{OUTLOOK}",
)

# -- Gmail ----------------------------------------------------------------------------------------------------------------
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

# -- Apple Mail -----------------------------------------------------------------------------------------------------------
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

# -- Thunderbird, K-9, other free ones --------------------------------------------------------------------------------------
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

# -- Samsung, Yahoo, others ----------------------------------------------------------------------------------------------------
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

# -- charsets and encodings, wrong ones too ------------------------------------------------------------------------------------
reply("latin1_declared_utf8", plain("A123 fünf Minuten\n".encode("latin-1"), "utf-8", "8bit"), "A123 fünf Minuten")
reply(
    "utf8_declared_latin1", plain("A123 fünf Minuten\n".encode(), "iso-8859-1", "quoted-printable"), "A123 fünf Minuten"
)
reply("windows_1252", plain("A123 – I’m on my way\n", "windows-1252", "quoted-printable"), "A123 – I’m on my way")
reply("no_charset", b"\n" + WAY.encode() + b"\n")
reply("charset_unknown", plain(f"{WAY}\n", "ascii", declared="x-klingon"))
reply("iso_2022_jp", plain("A123 向かいます\n", "iso-2022-jp"), "A123 向かいます")
reply("utf_16", plain("A123 unterwegs\n", "utf-16", "base64"), "A123 unterwegs")
reply("base64_broken", plain(f"{WAY}\n", encoding="base64").rstrip(b"=\n") + b"\n!! --\n")
reply("no_break_spaces", plain("A123\u00a0on my\u200b way\n", encoding="quoted-printable"))

# -- tokens -----------------------------------------------------------------------------------------------------------------
reply("two_tokens", f"{WAY}\n\n{MARKED}", tokens=2, ours=OUR_ID, references=f"{OUR_OTHER_ID}\n {OUR_ID}")
reply("token_in_references_only", WAY, ours="<other@example.com>", references=f"<root@example.com> {OUR_ID}")
reply("token_folded", WAY, ours=f"\n {OUR_ID[:50]}\n\t{OUR_ID[50:]}", references="<x@example.com>")
reply(
    "token_encoded",
    WAY,
    ours=f"=?utf-8?q?{OUR_ID.replace('_', '=5F').replace('<', '=3C').replace('@', '=40')}?=",
    references="<x@example.com>",
)
reply("no_token", WAY, tokens=0, ours="<changed-by-the-relay@mail.example.net>")
reply("token_too_short", WAY, tokens=0, ours="<ack.Tok3n.17.node-a@example.com>")
reply("new_mail", WAY, tokens=0, ours="", subject="A123")
reply("quote_without_any_mark", f"{OURS}", "")
reply("empty", "", "")
reply("only_signature", "-- \nA123 Control room", "")
reply(
    "html_shows_the_quote",
    multi(
        plain("Who is on duty?\n\nA123 Pump 3: pressure high\n"),
        html('<div>Who is on duty?</div><div class="gmail_quote">A123 Pump 3: pressure high</div>'),
    ),
    "Who is on duty?",
)
reply(
    "signed_smime",
    multi(
        plain(f"{WAY}\n"),
        b"Content-Type: application/pkcs7-signature; name=smime.p7s\nContent-Transfer-Encoding: base64\n\nMIAGCSqG\n",
        kind="signed",
        more='; protocol="application/pkcs7-signature"; micalg=sha-256',
    ),
)
reply(
    "gateway_disclaimer",
    multi(html("<p>A123 on my way</p>"), plain("A123 This message is confidential.\n"), kind="mixed"),
)
reply("answer_to_an_out_of_office_note", f"{WAY}\n\n{MARKED}", subject="Re: Automatic reply: [HIGH] Pump 3")
reply(
    "exchange_marks_people_too",
    WAY,
    X_Auto_Response_Suppress="DR, OOF, AutoReply",
    X_MS_Exchange_Organization_AuthAs="Internal",
    Thread_Topic="[HIGH] Pump 3",
)
reply("auto_submitted_no", WAY, Auto_Submitted="no")

# -- machines ---------------------------------------------------------------------------------------------------------------
QUOTED = f"I am away.\n\n{OUTLOOK}"
machine(
    "ooo_exchange",
    "Auto-Submitted: auto-generated",
    QUOTED,
    subject="Automatic reply: [HIGH] Pump 3",
    Auto_Submitted="auto-generated",
    X_Auto_Response_Suppress="All",
    Return_Path="<>",
)
machine(
    "ooo_gmail",
    "Auto-Submitted: auto-replied",
    subject="Re: [HIGH] Pump 3",
    Auto_Submitted="auto-replied",
    Precedence="bulk",
    X_Autoreply="yes",
)
machine("ooo_rfc3834_comment", "Auto-Submitted: auto-replied", Auto_Submitted="auto-replied (vacation)")
machine("ooo_apple", "an out-of-office note", "A123 away", subject="Auto-Reply: Re: [HIGH] Pump 3")
machine(
    "ooo_dovecot_sieve",
    "Auto-Submitted: auto-replied",
    subject="Auto: [HIGH] Pump 3",
    Auto_Submitted="auto-replied (vacation)",
    Precedence="bulk",
    X_Sieve="Pigeonhole Sieve 0.5",
)
machine("ooo_kerio", "x-autoreply", X_Autoreply="yes")
machine("ooo_roundcube_autorespond", "x-autorespond", X_Autorespond="[HIGH] Pump 3")
machine("ooo_precedence", "Precedence: auto_reply", Precedence="auto_reply")
machine("ooo_precedence_junk", "Precedence: junk", Precedence="Junk")
machine("ooo_samsung", "an out-of-office note", WAY, subject="Out of Office Re: [HIGH] Pump 3")
machine("ooo_yahoo", "Precedence: bulk", WAY, Precedence="bulk")
machine("ooo_german", "an out-of-office note", WAY, subject="=?utf-8?q?Automatische_Antwort=3A_=5BHIGH=5D_Pump_3?=")
machine("ooo_german_note", "an out-of-office note", WAY, subject="Abwesenheitsnotiz: [HIGH] Pump 3")
machine(
    "ooo_chinese",
    "an out-of-office note",
    WAY,
    subject=f"=?utf-8?B?{base64.b64encode('自动回复: [HIGH] Pump 3'.encode()).decode()}?=",
)
machine("ooo_french", "an out-of-office note", WAY, subject="=?iso-8859-1?Q?R=E9ponse_automatique_:_[HIGH]_Pump_3?=")
machine(
    "ooo_japanese",
    "an out-of-office note",
    WAY,
    subject=f"=?iso-2022-jp?B?{base64.b64encode('自動応答: Pump 3'.encode('iso-2022-jp')).decode()}?=",
)
machine("ooo_notes", "an out-of-office note", WAY, subject="Adam Lim is out of the office")
DSN = b"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n\nFinal-Recipient: rfc822; adam@example.com\nAction: failed\nStatus: 5.1.1\n"
BACK = f"Content-Type: message/rfc822\n\nMessage-ID: {OUR_ID}\nFrom: plant@example.com\nSubject: [HIGH] Pump 3\n\n{OURS}\n".encode()
machine(
    "bounce_postfix",
    "Auto-Submitted: auto-replied",
    content=multi(
        plain("I'm sorry to have to inform you\n"), DSN, BACK, kind="report", more="; report-type=delivery-status"
    ),
    sender="MAILER-DAEMON@mx.example.com (Mail Delivery System)",
    subject="Undelivered Mail Returned to Sender",
    Auto_Submitted="auto-replied",
    Return_Path="<>",
    ours="",
)
machine(
    "bounce_exchange",
    "a report",
    content=multi(
        html("<p>Your message couldn't be delivered</p>"),
        DSN,
        BACK,
        kind="report",
        more="; report-type=delivery-status",
    ),
    sender="Microsoft Outlook <MicrosoftExchange329e@example.com>",
    subject="Undeliverable: [HIGH] Pump 3",
)
machine(
    "bounce_exim",
    "x-failed-recipients",
    f"A message that you sent could not be delivered\n\n{OURS}",
    sender="Mail Delivery System <Mailer-Daemon@mx.example.com>",
    subject="Mail delivery failed: returning message to sender",
    X_Failed_Recipients="adam@example.com",
    ours="",
)
machine(
    "bounce_qmail",
    "no return path",
    f"Hi. This is the qmail-send program at mx.example.com.\n\n{OURS}",
    sender="MAILER-DAEMON@mx.example.com",
    subject="failure notice",
    Return_Path="<>",
    ours="",
)
machine(
    "bounce_sendmail",
    "from mailer-daemon",
    WAY,
    sender="Mail Delivery Subsystem <MAILER-DAEMON@mx.example.com>",
    subject="Returned mail: see transcript for details",
)
machine("bounce_postmaster", "from postmaster", WAY, sender="postmaster@example.com")
machine(
    "bounce_gmail",
    "Auto-Submitted: auto-replied",
    content=multi(plain("Address not found\n"), DSN, BACK, kind="report", more="; report-type=delivery-status"),
    sender="Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
    subject="Delivery Status Notification (Failure)",
    Auto_Submitted="auto-replied",
)
machine("bounce_bare_domino", "a report (by its subject)", WAY, subject="Mail could not be delivered")
machine(
    "receipt_read",
    "a report (disposition-notification)",
    content=multi(
        plain("Your message was read on Monday\n"),
        b"Content-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; adam@example.com\nDisposition: manual-action/MDN-sent-manually; displayed\n",
        kind="report",
        more="; report-type=disposition-notification",
    ),
    subject="Read: [HIGH] Pump 3",
)
machine(
    "receipt_german_plain",
    "a report (by its subject)",
    "Ihre Nachricht wurde gelesen: A123",
    subject="Gelesen: [HIGH] Pump 3",
)
machine(
    "receipt_thunderbird",
    "a report (disposition-notification)",
    content=multi(
        plain("This is a Return Receipt for A123\n"),
        b"Content-Type: message/disposition-notification\n\nDisposition: manual-action/MDN-sent-manually;displayed\n",
        kind="report",
        more="; report-type=disposition-notification",
    ),
    subject="Return Receipt (displayed) - [HIGH] Pump 3",
)
machine(
    "list_mailman",
    "Precedence: list",
    f"{WAY}\n_______________________________________________\nPlant mailing list",
    Precedence="list",
    List_Id="Plant <plant.lists.example.com>",
)
machine("list_google_groups", "list-id", WAY, List_Id="<plant.example.com>", List_Post="<https://groups.example.com>")
machine(
    "list_newsletter",
    "list-unsubscribe",
    "A123 now cheaper",
    List_Unsubscribe="<mailto:u@example.net>",
    sender="Shop <news@example.net>",
    ours="",
)
CALENDAR = b"Content-Type: text/calendar; charset=utf-8; method=REPLY\n\nBEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nATTENDEE;PARTSTAT=ACCEPTED:mailto:adam@example.com\nEND:VEVENT\nEND:VCALENDAR\n"
machine(
    "calendar_accepted_outlook",
    "a calendar answer (by its subject)",
    content=multi(plain(f"{WAY}\n"), CALENDAR),
    subject="Accepted: Shift meeting",
)
machine(
    "calendar_declined_german",
    "a calendar answer (by its subject)",
    content=multi(plain(f"{WAY}\n"), CALENDAR),
    subject="Abgelehnt: Schichtbesprechung",
)
machine("calendar_bare", "a calendar", content=CALENDAR, subject="Shift meeting")
machine(
    "calendar_google",
    "Auto-Submitted: auto-generated",
    content=multi(multi(plain(f"{WAY}\n"), CALENDAR, boundary="inner"), kind="mixed"),
    subject="Accepted: Shift",
    Auto_Submitted="auto-generated",
)
machine(
    "loop_our_own",
    "one of our own mails",
    OURS,
    sender="Plant north <plant@example.com>",
    subject="[HIGH] Pump 3",
    Message_ID=OUR_ID,
    ours="",
)
machine(
    "loop_our_own_forwarded_by_a_rule",
    "one of our own mails",
    OURS,
    sender="plant@example.com",
    Message_ID=OUR_ID,
    Resent_From="adam@example.com",
)
machine(
    "loop_our_notice",
    "Auto-Submitted: auto-generated",
    "A123 acknowledged by Jane",
    sender="plant@example.com",
    Auto_Submitted="auto-generated",
    ours="",
)
machine("no_reply_address", "from no-reply", WAY, sender="no-reply@example.com")
machine("two_senders", "unreadable", WAY, sender="Adam <adam@example.com>, Eve <eve@example.com>")
machine("no_sender", "unreadable", WAY, sender="")
machine("sender_in_comment", "unreadable", WAY, sender="<adam@example.com> <eve@example.net>")
add("no_header_at_all", "\n\nA123 on my way\n", automatic="unreadable")
add("not_a_mail", bytes(range(256)) * 8, automatic="unreadable")


def table() -> str:
    lines = ["# What is expected of each mail here. Written by generate.py; texts were thought out, not computed.\n"]
    for name, (_raw, expected) in sorted(MAILS.items()):
        lines.append(f"[{name}]")
        for key, value in expected.items():
            text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            lines.append(f"{key} = {value}" if isinstance(value, int) else f'{key} = "{text}"')
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    for old in HERE.glob("*.eml"):
        old.unlink()
    for name, (raw, _expected) in MAILS.items():
        (HERE / f"{name}.eml").write_bytes(raw)
    (HERE / "expected.toml").write_text(table())
