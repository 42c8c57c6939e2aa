"""What mail programs write around quotes and signatures, by language. Used by ``quote`` and ``automatic``.

All are matched without regard to case. A word that is missing here costs an acknowledgement, never makes a false one,
where the rules of ``quote`` that know no language find the place all the same.
"""

from __future__ import annotations

import re

#: The verb of an attribution ("On … Adam wrote:"), or how it begins; in languages without spaces it stands anywhere.
_WROTE_WORDS = (
    "wrote", "writes", "schrieb", "geschrieben", "a écrit", "escribió", "escribio", "ha scritto", "scrisse", "escreveu",
    "schreef", "skrev", "kirjoitti", "napsal", "napísal", "napisał", "ezt írta", "a scris", "napisao",
    "je napisal", "píše", "пишет", "пише", "написа", "έγραψε", "yazdı", "menulis", "đã viết", "כתב", "كتب", "kirjutas",
    "rakstīja", "rašė", "ha escrit",
)  # fmt: skip
_WROTE_SIGNS = ("เขียนว่า", "写道", "寫道", "書きました", "のメール", "작성", "썼습니다")
_WROTE = re.compile(
    rf"\b(?:{'|'.join(_WROTE_WORDS)})|{'|'.join(_WROTE_SIGNS)}",
    re.IGNORECASE,
)


def has_wrote(text: str) -> bool:
    """Whether the verb of an attribution is in the text."""
    # The pattern alone takes ten times as long.
    lower = text.lower()
    return any(word in lower for word in (*_WROTE_WORDS, *_WROTE_SIGNS)) and _WROTE.search(text) is not None


#: Words an attribution begins with in languages that put the date first.
WROTE_FIRST = re.compile(
    r"(?:On|Am|Le|El|Il|Em|Op|Den|På|Dne|W dniu|V|U|La|Vào|Pada|Στις|ในวันที่|בתאריך|في|At|Em|A)\b", re.IGNORECASE
)

_FROM = (
    "from|von|de|da|van|från|fra|lähettäjä|od|от|від|kimden|gönderen|feladó|από|dari|từ|จาก|expéditeur"
    "|remitente|mittente"
    "|afsender|发件人|寄件者|寄件人|差出人|送信者|보낸 사람|보낸사람|מאת|من|expedit?or|saatja"
)
_MORE = (
    "sent|date|to|cc|subject|reply-to|gesendet|datum|an|betreff|kopie|envoyé|à|objet|enviado|enviada|fecha|para"
    "|asunto|inviato"
    "|data|a|oggetto|verzonden|aan|onderwerp|skickat|till|ämne|sendt|til|emne|dato|lähetetty|vastaanottaja|aihe"
    "|päivämäärä"
    "|odesláno|komu|předmět|wysłano|do|temat|отправлено|дата|кому|тема|надіслано|gönderildi|gönderme tarihi|kime|konu"
    "|elküldve|címzett|tárgy|στάλθηκε|προς|θέμα|dikirim|kepada|subjek|đã gửi|tới|chủ đề|วันที่|ถึง|เรื่อง|发送时间"
    "|发送日期|日期|收件人|主题"
    "|寄件日期|收件者|主旨|送信日時|日付|日時|宛先|件名|보낸 날짜|받는 사람|날짜|제목|נשלח|אל|נושא|תאריך|إرسال|إلى"
    "|الموضوع|التاريخ|importance"
    "|trimis|subiect"
)
#: The first line of a quoted header, and the lines that follow it.
HEADER_FROM = re.compile(rf"\W{{0,4}}(?:{_FROM})\W{{0,3}}[:：]", re.IGNORECASE)
HEADER_MORE = re.compile(rf"\W{{0,4}}(?:{_MORE})\W{{0,3}}[:：]", re.IGNORECASE)

#: A line that begins a forwarded mail without dashes (Apple Mail).
FORWARDED = re.compile(
    r"(?:begin forwarded message|anfang der weitergeleiteten nachricht|début du message (?:réexpédié|transféré)"
    r"|inicio del mensaje reenviado|inizio messaggio inoltrato|início da mensagem reencaminhada"
    r"|begin doorgestuurd bericht|vidarebefordrat brev|videresendt (?:besked|melding)"
    r"|początek przekazywanej wiadomości"
    r"|начало переадресованного сообщения|přeposlaná zpráva|转发的邮件|開始轉寄郵件|転送されたメッセージ"
    r"|전달된 메시지)\W{0,3}\Z",
    re.IGNORECASE,
)
#: A line that mail programs put under a text.
SENT_FROM = re.compile(
    r"(?:sent (?:from|via|with|using|by) (?:my|the|an?|outlook|mail|yahoo|proton|samsung|gmail|iphone|ipad"
    r"|android|blackberry"
    r"|mobile|windows|tutanota|spark|fastmail|airmail|k-9|xiaomi|huawei|oneplus|nine)\b.{0,80}"
    r"|sent from .{0,30}(?:phone|device|mobile|tablet|galaxy|app)\b.{0,40}"
    r"|(?:get|download|hol|laden sie) .{0,20}outlook .{0,40}"
    r"|(?:outlook (?:für|for|pour|para|per|voor|för|til)|(?:obtenir|télécharger|obtener|obtén|ottieni|scarica"
    r"|obter|download"
    r"|hämta|hent|pobierz|获取|下载).{0,20}outlook).{0,40}"
    r"|(?:von|diese nachricht wurde von) (?:meinem|mein) .{0,80}|gesendet (?:von|mit|über|aus) .{0,80}"
    r"|von .{0,30} gesendet\.?"
    r"|envoyé (?:de|depuis|à partir de|avec) .{0,60}|(?:enviado|enviada) (?:desde|do|de|a partir do|com|con) .{0,60}"
    r"|inviato (?:da|dal|con) .{0,60}|(?:verzonden|verstuurd) (?:vanaf|vanuit|met|via|met behulp van) .{0,60}"
    r"|skickat från .{0,60}|sendt fra .{0,60}|lähetetty .{0,60}|odesláno z .{0,60}|wysłan[eo] z .{0,60}"
    r"|отправлено (?:с|из) .{0,60}"
    r"|надіслано з .{0,60}|.{0,30}'?(?:dan|den) gönderildi|dikirim dari .{0,60}|được gửi từ .{0,60}|ส่งจาก.{0,60}"
    r"|发自.{0,40}|發自.{0,40}|從我的.{0,30}|.{0,30}から送信|.{0,20}에서 보냄|נשלח מ.{0,40}|أرسلت من.{0,40}"
    r"|στάλθηκε από .{0,60})\Z",
    re.IGNORECASE,
)
#: A line that closes a letter; what follows is a signature.
CLOSING = re.compile(
    r"(?:(?:with )?(?:best|kind|kindest|warm|many)?\s?(?:regards|wishes)|cheers|sincerely|yours(?: \w+)?|br|rgds|kr"
    r"|(?:mit |viele |beste |schöne |liebe |freundliche )?(?:freundlichen |besten |vielen )?(?:grüßen|grüße"
    r"|grüssen|grüsse|gruß|gruss)"
    r"|mfg|lg|vg|(?:bien )?cordialement|salutations|(?:un )?saludos?(?: cordiales)?|atentamente|(?:cordiali )?saluti"
    r"|atenciosamente|cumprimentos|met vriendelijke groet(?:en)?|mvg|groet(?:en)?"
    r"|med vänlig(?:a)? hälsning(?:ar)?|mvh"
    r"|med venlig hilsen|vennlig hilsen|ystävällisin terveisin|s pozdravem|pozdrawiam|с уважением|з повагою"
    r"|saygılarımla|iyi çalışmalar"
    r"|salam|hormat saya|trân trọng|此致|祝好|顺祝商祺|よろしくお願いします|감사합니다)\s*[,.!，。]{0,3}\Z",
    re.IGNORECASE,
)
#: What a safety filter puts above the text.
BANNER = re.compile(
    r"\W{0,3}(?:\[?external(?: e-?mail| sender)?\]?\W{0,3}\Z|caution\s?:|warning\s?: (?:this|external)"
    r"|external (?:e-?mail|sender)\b"
    r"|you don'?t often get e-?mail from|this (?:e-?mail|message) (?:originated|was sent|comes) from outside"
    r"|sie erhalten nicht (?:oft|häufig) e-?mails? von|vous n'obtenez pas souvent|vorsicht\s?: (?:diese|externe)"
    r"|no suele recibir correos electrónicos de|non si ricevono spesso messaggi)",
    re.IGNORECASE,
)
#: How an automatic answer's subject begins, or what is in it.
AUTOMATIC_SUBJECT = re.compile(
    r"\A\W{0,3}(?:automatic reply|auto[- ]?(?:matic )?(?:reply|response|responder|answer)|autoreply"
    r"|out[- ]of[- ](?:the[- ])?office|ooo\s?:"
    r"|automatische (?:antwort|rückantwort)|abwesenheit|abwesend|ich bin (?:nicht|ausser|außer)|abwesenheitsnotiz"
    r"|réponse automatique|absence du bureau|absent(?:e)?\s?:|message d'absence"
    r"|respuesta automática|fuera de (?:la )?oficina|risposta automatica|fuori (?:sede|ufficio)|assente"
    r"|resposta automática|fora do escritório"
    r"|automatisch antwoord|afwezig|automatiskt svar|autosvar|automatisk svar|frånvaro|ikke til stede|fravær"
    r"|automaattinen vastaus|poissa|automatická odpověď|mimo kancelář|autoodpowiedź|odpowiedź automatyczna"
    r"|automatyczna odpowiedź"
    r"|автоматический ответ|автоответ|автоматична відповідь|otomatik yanıt|automatikus válasz|răspuns automat"
    r"|αυτόματη απάντηση"
    r"|balasan otomatis|jawapan automatik|balasan automatik|trả lời tự động|ข้อความตอบกลับอัตโนมัติ|ตอบกลับอัตโนมัติ"
    r"|自动回复|自動回覆|自動回信|自动答复|自動応答|自動返信|不在|자동 회신|부재중|자동 응답|מענה אוטומטי"
    r"|תשובה אוטומטית|رد تلقائي)"
    r"|\bout of (?:the )?office\b|\bis on (?:leave|vacation|holiday)\b|\bvacation (?:reply|response|message)\b",
    re.IGNORECASE,
)
#: Subjects of bounces and receipts.
REPORT_SUBJECT = re.compile(
    r"\A\W{0,3}(?:undeliver(?:able|ed)|mail delivery (?:failed|failure|subsystem|system)"
    r"|delivery (?:status notification|failure|has failed"
    r"|delayed)|returned mail|failure notice|warning: (?:message|could not)|unzustellbar|nicht zustellbar"
    r"|non remis|no se puede entregar"
    r"|mail could not be delivered|message delayed|delayed mail|message not delivered|退信|系统退信|未送达"
    r"|配信不能|read\s?:"
    r"|gelesen\s?:"
    r"|lu\s?:|leído\s?:|letto\s?:|lida\s?:|gelezen\s?:|läst\s?:|已读\s?[:：]|開封済み\s?[:：]"
    r"|disposition notification"
    r"|read receipt|lesebestätigung"
    r"|return receipt|not read\s?:|ungelesen gelöscht)",
    re.IGNORECASE,
)
#: Subjects of answers to a meeting.
MEETING_SUBJECT = re.compile(
    r"\A\W{0,3}(?:accepted|declined|tentative(?:ly accepted)?|canceled|cancelled|new time proposed|zugesagt"
    r"|abgelehnt|mit vorbehalt|abgesagt"
    r"|accepté|refusé|provisoire|aceptad[oa]|rechazad[oa]|accettato|rifiutato|aceite|recusad[oa]|geaccepteerd"
    r"|geweigerd|accepterat|avböjt"
    r"|godkendt|afvist|hyväksytty|接受|已接受|谢绝|已拒绝|承諾|辞退)\s?[:：]",
    re.IGNORECASE,
)
