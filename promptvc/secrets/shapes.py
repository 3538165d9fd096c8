"""The kinds of tokens that are refused: exact lengths and alphabets, so that ordinary text never looks like one.

``near`` is the beginning of a token, for RE2's single pass over everything; it must be selective and cheap. ``exact``
is the whole token, for Python's `re`, from the beginning of the match of ``near``. The lengths are those that the
vendors document or issue; ``check`` tells real tokens from invented ones.
"""

from __future__ import annotations

from typing import NamedTuple

from promptvc.secrets.checks import Check, has_bech32, has_crc, has_snowflake, is_key, is_random

LONGEST = 2048
"""Every token, and all context that decides about it, ends within this many bytes."""

_END = rb"(?![A-Za-z0-9])"
_WORD_END = rb"(?![A-Za-z0-9_-])"
_SLASH = rb"(?:[A-Za-z0-9+]|\\{0,8}/)"
_GAP = rb"(?:[\s\"',>|`]|\\{1,8}[nrt]|\\{1,8}u000[ad]|\\{1,8}\")"

_LINE_END = rb"(?:[\r\n]|\\{1,8}[nr])"
# No byte matches two of these at one place, so that matching never backtracks.


class Shape(NamedTuple):
    """One kind of token. ``alone``: only without ``-`` or ``_`` before it."""

    kind: str
    near: bytes
    exact: bytes
    check: Check = is_random
    alone: bool = False


SHAPES: tuple[Shape, ...] = (
    Shape("aws-access-key", rb"A[KS]IA[A-Z2-7]{12}", rb"A[KS]IA[A-Z2-7]{16}" + _END, alone=True),
    Shape("github-token", rb"gh[pous]_[A-Za-z0-9]{12}", rb"gh[pous]_[A-Za-z0-9]{36}" + _END, has_crc),
    Shape("github-refresh-token", rb"ghr_[A-Za-z0-9]{12}", rb"ghr_[A-Za-z0-9]{76}" + _END),
    Shape(
        "github-fine-grained-token",
        rb"github_pat_[A-Za-z0-9]{8}",
        rb"github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}" + _END,
    ),
    Shape(
        "gitlab-token",
        rb"glpat-[A-Za-z0-9_-]{8}",
        rb"glpat-(?:[A-Za-z0-9_-]{27,300}\.[0-9a-z]{2}\.[0-9a-z]{7}|[A-Za-z0-9_-]{20})" + _WORD_END,
    ),
    Shape(
        "slack-token",
        rb"xox[bp]-[0-9]{8}",
        rb"xox(?:b-[0-9]{10,13}-[0-9]{10,13}-[A-Za-z0-9]{24}|p-(?:[0-9]{10,13}-){3}[0-9a-f]{32})" + _END,
    ),
    Shape(
        "slack-app-token",
        rb"xapp-[0-9]-A[A-Z0-9]{6}",
        rb"xapp-[0-9]-A[A-Z0-9]{8,12}-[0-9]{10,13}-[0-9a-f]{64}" + _END,
    ),
    Shape(
        "slack-webhook",
        rb"hooks\.slack\.com\\{0,8}/services",
        rb"hooks\.slack\.com\\{0,8}/services\\{0,8}/T[A-Z0-9]{8,12}\\{0,8}/B[A-Z0-9]{8,12}\\{0,8}/[A-Za-z0-9]{24}"
        + _END,
    ),
    Shape("stripe-key", rb"[rs]k_live_[A-Za-z0-9]{8}", rb"[rs]k_live_[A-Za-z0-9]{24}(?:[A-Za-z0-9]{66,86})?" + _END),
    Shape("openai-key", rb"sk-[A-Za-z0-9]{20}T3BlbkFJ", rb"sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}" + _WORD_END),
    Shape(
        "openai-key",
        rb"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{8}",
        rb"sk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{20,96}?T3BlbkFJ[A-Za-z0-9_-]{20,96}" + _WORD_END,
    ),
    Shape(
        "anthropic-key",
        rb"sk-ant-[a-z]{3,5}[0-9]{2}-[A-Za-z0-9_-]{8}",
        rb"sk-ant-[a-z]{3,5}[0-9]{2}-[A-Za-z0-9_-]{80,110}AA" + _WORD_END,
    ),
    Shape("google-api-key", rb"AIza[A-Za-z0-9_-]{16}", rb"AIza[A-Za-z0-9_-]{35}" + _WORD_END),
    Shape("google-oauth-secret", rb"GOCSPX-[A-Za-z0-9_-]{8}", rb"GOCSPX-[A-Za-z0-9_-]{28}" + _WORD_END),
    Shape("npm-token", rb"npm_[A-Za-z0-9]{12}", rb"npm_[A-Za-z0-9]{36}" + _END, has_crc),
    Shape(
        "pypi-token",
        rb"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)",
        rb"pypi-AgE(?:IcHlwaS5vcmc|NdGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,1000}",
    ),
    Shape("huggingface-token", rb"hf_[A-Za-z0-9]{16}", rb"hf_[A-Za-z0-9]{34}" + _END),
    Shape(
        "sendgrid-key",
        rb"SG\.[A-Za-z0-9_-]{16}",
        rb"SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}" + _WORD_END,
    ),
    Shape("twilio-key", rb"SK[0-9a-f]{16}", rb"SK[0-9a-f]{32}" + _WORD_END, alone=True),
    Shape("digitalocean-token", rb"do[opr]_v1_[0-9a-f]{8}", rb"do[opr]_v1_[0-9a-f]{64}" + _END),
    Shape("databricks-token", rb"dapi[0-9a-f]{12}", rb"dapi[0-9a-f]{32}(?:-[0-9])?" + _END, alone=True),
    Shape(
        "azure-storage-key",
        rb"AccountKey=[A-Za-z0-9+/\\]{8}",
        rb"AccountKey=" + _SLASH + rb"{86}(?:==|\\{1,8}u003d\\{1,8}u003d)",
    ),
    Shape("telegram-token", rb"[0-9]{8,10}:AA[A-Za-z0-9_-]{8}", rb"[0-9]{8,10}:AA[A-Za-z0-9_-]{33}" + _WORD_END),
    Shape(
        "discord-token",
        rb"(?:[MNO][DTjz][AEIMQUYcgk][w-z0-5]){5}",
        rb"(?:[MNO][DTjz][AEIMQUYcgk][w-z0-5]){5,6}[A-Za-z0-9_-]{0,3}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}"
        + _WORD_END,
        has_snowflake,
    ),
    Shape(
        "discord-webhook",
        rb"discord(?:app)?\.com\\{0,8}/api\\{0,8}/webhooks",
        rb"discord(?:app)?\.com\\{0,8}/api\\{0,8}/webhooks\\{0,8}/[0-9]{17,20}\\{0,8}/[A-Za-z0-9_-]{68}" + _WORD_END,
    ),
    Shape("shopify-token", rb"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{8}", rb"shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}" + _END),
    Shape("square-token", rb"EAAA[El][A-Za-z0-9_-]{20}", rb"EAAA[El][A-Za-z0-9_-]{59}" + _WORD_END, alone=True),
    Shape(
        "square-token",
        rb"sq0(?:atp|csp)-[A-Za-z0-9_-]{8}",
        rb"sq0(?:atp-[A-Za-z0-9_-]{22}|csp-[A-Za-z0-9_-]{43})" + _WORD_END,
    ),
    Shape("mailgun-key", rb"key-[0-9a-f]{16}", rb"key-[0-9a-f]{32}" + _WORD_END, alone=True),
    Shape(
        "mailgun-key",
        rb"[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}",
        rb"[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}" + _WORD_END,
        alone=True,
    ),
    Shape("replicate-token", rb"r8_[A-Za-z0-9]{16}", rb"r8_[A-Za-z0-9]{37}" + _END),
    Shape("groq-key", rb"gsk_[A-Za-z0-9]{16}", rb"gsk_[A-Za-z0-9]{52}" + _END),
    Shape("openrouter-key", rb"sk-or-v1-[0-9a-f]{8}", rb"sk-or-v1-[0-9a-f]{64}" + _END),
    Shape("langsmith-key", rb"lsv2_(?:pt|sk)_[0-9a-f]{8}", rb"lsv2_(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}" + _END),
    Shape("xai-key", rb"xai-[A-Za-z0-9]{16}", rb"xai-[A-Za-z0-9]{80}" + _END),
    Shape("vault-token", rb"hv[sb]\.[A-Za-z0-9_-]{16}", rb"hv[sb]\.[A-Za-z0-9_-]{90,300}"),
    Shape(
        "age-secret-key",
        rb"AGE-SECRET-KEY-1[A-Z0-9]{8}",
        rb"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}" + _END,
        has_bech32,
    ),
    Shape(
        "private-key",
        rb"-----BEGIN [A-Z ]{0,20}PRIVATE KEY",
        rb"-----BEGIN (?:RSA |DSA |EC |OPENSSH |ENCRYPTED |PGP )?PRIVATE KEY(?: BLOCK)?-----"
        + rb"(?:" + _GAP + rb"|\+){0,64}(?:[A-Z][A-Za-z-]{2,30}: [^\\\r\n]{0,100}" + _LINE_END + rb"{1,8}){0,4}"
        + _SLASH + rb"{16}(?:" + _GAP + rb"{0,24}" + _SLASH + rb"){24,176}",
        is_key,
    ),
)  # fmt: skip
