"""Made-up tokens of every shape, with valid checksums, put together of parts: no scanner alarms on this file."""

from __future__ import annotations

import base64
import random
import string
import zlib
from collections.abc import Callable

_62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_36 = _62[:36]
_64 = _62 + "-_"
_HEX = "0123456789abcdef"
_BECH = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def draw(rng: random.Random, alphabet: str, count: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(count))


def _crc(rng: random.Random, prefix: str) -> str:
    body = draw(rng, _62, 30)
    number, digits = zlib.crc32(body.encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = _62[digit] + digits
    return prefix + body + digits.rjust(6, "0")


def _polymod(values: list[int]) -> int:
    state = 1
    for value in values:
        top, state = state >> 25, (state & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            state ^= term if top >> bit & 1 else 0
    return state


def _age(rng: random.Random) -> str:
    name = "age-secret-" + "key-"
    data = [rng.randrange(32) for _ in range(52)]
    check = _polymod([*(ord(c) >> 5 for c in name), 0, *(ord(c) & 31 for c in name), *data, *[0] * 6]) ^ 1
    data += [check >> 5 * (5 - place) & 31 for place in range(6)]
    return (name + "1" + "".join(_BECH[value] for value in data)).upper()


def _discord(rng: random.Random) -> str:
    user = base64.urlsafe_b64encode(str(rng.randrange(10**17, 10**18)).encode()).decode().rstrip("=")
    return ".".join((user, draw(rng, _62, 6), draw(rng, _62, 37) + "Q"))


def key_text(rng: random.Random, kind: str = "RSA ", lines: int = 12) -> str:
    """A private key in PEM: the body is random."""
    body = "\n".join(draw(rng, _62 + "+/", 64) for _ in range(lines))
    frame = "{}" + f" {kind}PRIVATE" + " KEY-----"
    return frame.format("-----BEGIN") + f"\n{body}\n" + frame.format("-----END") + "\n"


def _slack_hook(rng: random.Random) -> str:
    return "hooks.sl" + f"ack.com/services/T{draw(rng, _36, 8)}/B{draw(rng, _36, 10)}/{draw(rng, _62, 24)}"


Maker = Callable[[random.Random], str]
TOKENS: list[tuple[str, Maker]] = [
    ("aws-access-key", lambda r: "AK" + "IA" + draw(r, string.ascii_uppercase + "234567", 16)),
    ("aws-access-key", lambda r: "AS" + "IA" + draw(r, string.ascii_uppercase + "234567", 16)),
    ("github-token", lambda r: _crc(r, "gh" + "p_")),
    ("github-token", lambda r: _crc(r, "gh" + "o_")),
    ("github-token", lambda r: _crc(r, "gh" + "s_")),
    ("github-token", lambda r: _crc(r, "gh" + "u_")),
    ("github-refresh-token", lambda r: "gh" + "r_" + draw(r, _62, 76)),
    ("github-fine-grained-token", lambda r: "github_" + "pat_" + draw(r, _62, 22) + "_" + draw(r, _62, 59)),
    ("gitlab-token", lambda r: "gl" + "pat-" + draw(r, _64, 19) + "x"),
    ("gitlab-token", lambda r: "gl" + "pat-" + draw(r, _64, 27) + ".0w." + draw(r, _HEX, 7)),
    ("slack-token", lambda r: f"xo{'xb'}-{draw(r, '123456789', 12)}-{draw(r, '123456789', 12)}-{draw(r, _62, 24)}"),
    ("slack-token", lambda r: "xo" + "xp-" + (draw(r, "123456789", 11) + "-") * 3 + draw(r, _HEX, 32)),
    ("slack-app-token", lambda r: f"xa{'pp'}-1-A{draw(r, _36, 10)}-{draw(r, '123456789', 13)}-{draw(r, _HEX, 64)}"),
    ("slack-webhook", _slack_hook),
    ("stripe-key", lambda r: "sk_" + "live_" + draw(r, _62, 24)),
    ("stripe-key", lambda r: "rk_" + "live_51" + draw(r, _62, 97)),
    ("openai-key", lambda r: "sk-" + draw(r, _62, 20) + "T3Blbk" + "FJ" + draw(r, _62, 20)),
    ("openai-key", lambda r: "sk-" + "proj-" + draw(r, _64, 74) + "T3Blbk" + "FJ" + draw(r, _64, 73) + "A"),
    ("openai-key", lambda r: "sk-" + "svcacct-" + draw(r, _64, 58) + "T3Blbk" + "FJ" + draw(r, _64, 57) + "w"),
    ("anthropic-key", lambda r: "sk-" + "ant-api03-" + draw(r, _64, 93) + "AA"),
    ("google-api-key", lambda r: "AI" + "zaSy" + draw(r, _64, 32) + "k"),
    ("google-oauth-secret", lambda r: "GOC" + "SPX-" + draw(r, _64, 27) + "k"),
    ("npm-token", lambda r: _crc(r, "np" + "m_")),
    ("pypi-token", lambda r: "py" + "pi-AgEIcHlwaS5vcmc" + draw(r, _64, 150) + "g"),
    ("huggingface-token", lambda r: "h" + "f_" + draw(r, string.ascii_letters, 34)),
    ("sendgrid-key", lambda r: "S" + "G." + draw(r, _64, 22) + "." + draw(r, _64, 42) + "s"),
    ("twilio-key", lambda r: "S" + "K" + draw(r, _HEX, 32)),
    ("digitalocean-token", lambda r: "do" + "p_v1_" + draw(r, _HEX, 64)),
    ("databricks-token", lambda r: "da" + "pi" + draw(r, _HEX, 32)),
    ("azure-storage-key", lambda r: "Account" + "Key=" + draw(r, _62 + "+/", 86) + "=="),
    ("telegram-token", lambda r: draw(r, "123456789", 10) + ":A" + "A" + draw(r, _64, 32) + "o"),
    ("discord-token", _discord),
    ("discord-webhook", lambda r: f"disc{'ord'}.com/api/webhooks/{draw(r, '123456789', 18)}/{draw(r, _64, 67)}h"),
    ("shopify-token", lambda r: "shp" + "at_" + draw(r, _HEX, 32)),
    ("square-token", lambda r: "EA" + "AAE" + draw(r, _64, 58) + "Q"),
    ("square-token", lambda r: "sq0" + "csp-" + draw(r, _64, 42) + "Q"),
    ("mailgun-key", lambda r: "ke" + "y-" + draw(r, _HEX, 32)),
    ("mailgun-key", lambda r: "-".join((draw(r, _HEX, 32), draw(r, _HEX, 8), draw(r, _HEX, 8)))),
    ("replicate-token", lambda r: "r" + "8_" + draw(r, _62, 37)),
    ("groq-key", lambda r: "gs" + "k_" + draw(r, _62, 52)),
    ("openrouter-key", lambda r: "sk-" + "or-v1-" + draw(r, _HEX, 64)),
    ("langsmith-key", lambda r: "lsv2_" + "pt_" + draw(r, _HEX, 32) + "_" + draw(r, _HEX, 10)),
    ("xai-key", lambda r: "xa" + "i-" + draw(r, _62, 80)),
    ("vault-token", lambda r: "hv" + "s." + draw(r, _64, 94) + "Q"),
    ("age-secret-key", _age),
    ("private-key", key_text),
    ("private-key", lambda r: key_text(r, "OPENSSH ")),
    ("private-key", lambda r: key_text(r, "")),
]  # fmt: skip
