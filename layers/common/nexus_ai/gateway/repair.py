"""Ask a model to correct a completion that broke its task's output contract."""

from nexus_ai.model_calls import InvalidOutputError, Step
from nexus_ai.providers.base import Message


def repair_step(step: Step, text: str, invalid: InvalidOutputError) -> Step:
    """Return the step that shows the model its completion and the rules that it broke."""
    request = "Your answer breaks these rules:\n" + "\n".join(f"- {problem}" for problem in invalid.problems)
    request += "\nAnswer again, with all rules kept, and with nothing but the answer."
    messages = (*step.prompt.messages, Message(role="assistant", text=text), Message(role="user", text=request))
    prompt = step.prompt.model_copy(update={"messages": messages})
    return Step(prompt, step.input_tokens + len(text.encode()) + len(request.encode()))
