"""Answers whose token is where programs and people leave it, and without one. Imported by ``generate``."""

from __future__ import annotations

from corpus.kit import MARKED, OUR_ID, OUR_OTHER_ID, OURS, WAY, html, multi, plain, reply

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
