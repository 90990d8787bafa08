"""Build the content of an audit record, as far as the tenant's content policy allows."""

from nexus_ai.audit.models import Content, Part
from nexus_ai.model_calls import ModelCall
from nexus_ai.settings.content_policy import apply_content_policy
from nexus_ai.settings.models import AuditContent


def prompt_content[T](call: ModelCall[T], choice: AuditContent) -> list[Content]:
    """Return the system text and the messages of a call as JSON. Return an empty list if the policy keeps none."""
    text = apply_content_policy(call.prompt.model_dump_json(include={"system", "messages"}), choice)
    return [] if text is None else [Content(part=Part.PROMPT, text=text)]


def completion_content(text: str, choice: AuditContent) -> list[Content]:
    """Return the text of a completion. Return an empty list if the policy keeps none."""
    allowed_text = apply_content_policy(text, choice)
    return [] if allowed_text is None else [Content(part=Part.ANSWER, text=allowed_text)]
