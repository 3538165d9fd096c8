"""Prompt files of other projects: each is read, or refused with a reason that is written down here."""

from __future__ import annotations

from pathlib import Path

import pytest

from promptvc.content.prompt.prompt import read_prompt
from promptvc.errors import NotAPrompt

FOLDER = Path(__file__).resolve().parents[3] / "../shared/data/prompt_files"
FILES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file())

NO_MESSAGES = "no list of messages in it"
REFUSED = {
    "alpaca_eval_judges/alpaca_eval_clf_cot_gpt4_turbo/configs.yaml": NO_MESSAGES,
    "alpaca_eval_judges/alpaca_eval_gpt4/configs.yaml": NO_MESSAGES,
    "alpaca_eval_judges/alpaca_farm/configs.yaml": NO_MESSAGES,
    "alpaca_eval_judges/claude_3_opus_ranking/configs.yaml": NO_MESSAGES,
    "dotprompt/autocomplete.prompt": "line 22, column 12: {{ without a matching }}",
    "dotprompt/error-invalid-yaml.prompt": "line 8, column 9: invalid YAML: mapping values are not allowed",
    "dotprompt/error-multiple-issues.prompt": "line 26, column 1: {{ without a matching }}",
    "dotprompt/error-unclosed-block.prompt": "line 11: {{#if}} is never closed",
    "dotprompt/error-unmatched-closing-block.prompt": "line 24, column 1: {{/if}} closes a block that is not open",
    "dotprompt/features.prompt": 'line 44, column 1: {{media url=imageUrl mime="image/jpeg"}} is beyond the simple',
    "dotprompt/partials.prompt": "line 28, column 3: {{> listItem}} is beyond the simple form",
    "dotprompt/partials/circular-partial-a.prompt": "line 6, column 1: {{>circular-partial-b}} is beyond the simple",
    "dotprompt/partials/circular-partial-b.prompt": "line 6, column 1: {{>circular-partial-a}} is beyond the simple",
    "dotprompt/samples/10-kitchen-sink.prompt": "line 33, column 63: invalid YAML: did not find expected key",
    "dotprompt/valid-comments-and-partials.prompt": "line 20, column 1: {{>header }} is beyond the simple form",
    "dotprompt/valid-greeting.prompt": "line 17, column 1: {{#if age >= 18}} is beyond the simple form",
    "dotprompt_spec/metadata.yaml": NO_MESSAGES,
    "dotprompt_spec/unicode.yaml": NO_MESSAGES,
    "dotprompt_spec/whitespace.yaml": NO_MESSAGES,
    "fastchat/judge_prompts.jsonl": "a file of rows",
    "history/fabric_rate_value/manifest.jsonl": "a file of rows",
    "history/fabric_summarize/manifest.jsonl": "a file of rows",
    "lm_eval_yaml/_default_template_yaml.yaml": NO_MESSAGES,
    "lm_eval_yaml/date_understanding.yaml": NO_MESSAGES,
    "lm_eval_yaml/hellaswag.yaml": "line 10, column 15: invalid YAML: the tag !function is not allowed",
    "lm_eval_yaml/humaneval.yaml": "line 9, column 13: invalid YAML: the tag !function is not allowed",
    "lm_eval_yaml/ifeval.yaml": "line 14, column 18: invalid YAML: the tag !function is not allowed",
    "lm_eval_yaml/mgsm_direct_ja.yaml": NO_MESSAGES,
    "lm_eval_yaml/mgsm_direct_th.yaml": NO_MESSAGES,
    "lm_eval_yaml/truthfulqa_gen.yaml": "line 28, column 15: invalid YAML: the tag !function is not allowed",
    "lm_eval_yaml/truthfulqa_mc1.yaml": NO_MESSAGES,
    "promptwizard/prompt_library_gsm8k.yaml": NO_MESSAGES,
    "promptwizard/prompt_pool.yaml": NO_MESSAGES,
    "promptwizard/promptopt_config_gsm8k.yaml": NO_MESSAGES,
}

# `{{{` … `}}` aside, a lone }} is text: JSON examples end in it.
VARIABLES = {
    "dotprompt/error-unbalanced-brace.prompt": ("name",),
    "dotprompt/samples/07-multi-turn-history.prompt": ("history", "newMessage"),
    "dotprompt/samples/09-complex-schema.prompt": ("user", "orders"),
    "dotprompt/valid-customer-support.prompt": ("name", "company", "email"),
    "dotprompt/warning-unused-variable.prompt": ("name", "email", "age"),
    "fabric/translate.md": ("lang_code",),
    "prompty/basic.prompty": ("firstName", "lastName", "question"),
    "prompty/shorthand_body_only.prompty": (),
    "prompty/socrates.prompty": ("firstName", "context", "question"),
    "prompty/summarize.prompty": ("context", "text"),
    "prompty/threaded.prompty": ("conversation", "question"),
    "stanford_alpaca/prompt.txt": (),
}

pytestmark = pytest.mark.skipif(not FILES, reason="the files of other projects are not here")


@pytest.mark.parametrize("name", [name for name in FILES if name not in REFUSED])
def test_the_file_is_read_and_rendered(name: str) -> None:
    prompt = read_prompt(name, (FOLDER / name).read_bytes())
    assert prompt.messages
    assert VARIABLES.get(name, prompt.variables) == prompt.variables
    rendered = prompt.render(**_values(prompt.variables))
    assert [message["role"] for message in rendered] == [message.role for message in prompt.messages]


@pytest.mark.parametrize("name", [name for name in FILES if name in REFUSED])
def test_the_file_is_refused_and_says_why(name: str) -> None:
    with pytest.raises(NotAPrompt) as caught:
        read_prompt(name, (FOLDER / name).read_bytes())
    assert str(caught.value).startswith(f"{name}: {REFUSED[name]}")


def _values(names: tuple[str, ...]) -> dict[str, object]:
    """Something to fill in; a few names stand for more than a text."""
    person = {"name": "n", "email": "e"}
    preferences = {"theme": "dark", "notifications": True, "language": "en"}
    special: dict[str, object] = {
        "user": {**person, "preferences": preferences},
        "orders": [{"id": 1, "status": "sent", "items": [{"name": "x", "quantity": 1, "price": 2}]}],
        "history": [],
        "conversation": [],
    }
    return {name: special.get(name, f"<{name}>") for name in names}
