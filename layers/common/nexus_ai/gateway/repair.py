"""The second chance of an answer that broke the contract of its task."""

from nexus_ai.model_calls import InvalidOutputError, Step
from nexus_ai.providers.base import Message


def repair_step(step: Step, text: str, broken: InvalidOutputError) -> Step:
    """The step that shows the model its answer and what is wrong with it."""
    asked = "Your answer breaks these rules:\n" + "\n".join(f"- {problem}" for problem in broken.problems)
    asked += "\nAnswer again, with all rules kept, and with nothing but the answer."
    prompt = step.prompt
    again = prompt.model_copy(
        update={"messages": (*prompt.messages, Message(role="assistant", text=text), Message(role="user", text=asked))}
    )
    return Step(again, step.input_tokens + len(text.encode()) + len(asked.encode()))
