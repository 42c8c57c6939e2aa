"""Answers as Outlook, Exchange and Outlook on the web write them. Imported by ``generate``."""

from __future__ import annotations

from corpus.kit import OURS, OURS_HTML, WAY, html, multi, plain, reply

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
