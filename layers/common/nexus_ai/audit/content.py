"""Content of an audit record: the prompt and the completion, as far as the tenant's content policy allows."""

from nexus_ai.audit.models import Content, Part
from nexus_ai.model_calls import ModelCall
from nexus_ai.settings.content_policy import apply_content_policy
from nexus_ai.settings.models import AuditContent


def prompt_content[T](call: ModelCall[T], choice: AuditContent) -> list[Content]:
    text = apply_content_policy(call.prompt.model_dump_json(include={"system", "messages"}), choice)
    return [] if text is None else [Content(part=Part.PROMPT, text=text)]


def completion_content(text: str, choice: AuditContent) -> list[Content]:
    text_kept = apply_content_policy(text, choice)
    return [] if text_kept is None else [Content(part=Part.ANSWER, text=text_kept)]
