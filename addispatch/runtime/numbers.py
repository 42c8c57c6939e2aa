"""Phone numbers: from what people write to E.164. Used by the directory, the pipeline and the modem plugin."""

from __future__ import annotations

import re
from functools import lru_cache

from addispatch.domain.errors import ConfigError

#: What may reach a modem's AT command: nothing else is ever dialled (lab: dial strings can inject AT commands).
DIALABLE = re.compile(r"\+?[0-9]{3,15}")


@lru_cache(maxsize=4096)
def normalize_number(text: str, region: str, short_codes: frozenset[str] = frozenset()) -> str:
    """Return E.164 (``+6591234567``), or the short code itself if it is on the list.

    A plain number is national to ``region``; ``+CC…`` and ``00CC…`` are foreign. Raises ``ConfigError``
    naming the reason.
    """
    plain = re.sub(r"[\s().\-/]", "", text)
    if plain in short_codes and DIALABLE.fullmatch(plain):
        return plain
    if plain.startswith("00"):
        plain = "+" + plain[2:]
    if not re.fullmatch(r"\+?[0-9]{3,17}", plain):
        raise ConfigError("number", f"{text!r} is not a phone number", "digits, optionally +country code first")
    import phonenumbers  # noqa: PLC0415 - heavy, and a site without a modem needs no numbers

    try:
        parsed = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException as error:
        raise ConfigError("number", f"{text!r} is not a phone number: {error}") from None
    if not phonenumbers.is_valid_number(parsed):
        hint = f"a number without + is taken as a number of {region}; short codes must be listed"
        raise ConfigError("number", f"{text!r} is no number that exists", hint)
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
