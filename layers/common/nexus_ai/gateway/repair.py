"""The second chance of an answer that broke the contract of its task."""

from nexus_ai.gateway.models import ContractBroken
from nexus_ai.providers.base import Message, Prompt


def repaired(prompt: Prompt, text: str, broken: ContractBroken) -> tuple[Prompt, int]:
    """The prompt that shows the model its answer and what is wrong with it, and the tokens that this adds at most."""
    asked = "Your answer breaks these rules:\n" + "\n".join(f"- {problem}" for problem in broken.problems)
    asked += "\nAnswer again, with all rules kept, and with nothing but the answer."
    again = prompt.model_copy(
        update={"messages": (*prompt.messages, Message(role="assistant", text=text), Message(role="user", text=asked))}
    )
    return again, len(text.encode()) + len(asked.encode())
